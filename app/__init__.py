"""The program: window, session, commands, settings, command line."""
