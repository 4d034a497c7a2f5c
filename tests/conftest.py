pytest_plugins = ["plugin_core.testing.fixtures"]
