from kit.journal import place

__all__ = ["place"]
