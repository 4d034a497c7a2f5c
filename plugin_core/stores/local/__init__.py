"""SQLAlchemy Core on SQLite: the default store."""
