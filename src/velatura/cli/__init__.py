"""The command line: one thin file a command. Only this package talks to a person."""
