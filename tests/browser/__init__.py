"""The step player in a real browser. A package, so that its fixtures have a name of their own beside those of all tests."""
