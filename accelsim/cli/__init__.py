"""The command line: one file a subcommand, which parses, calls the library and prints."""
