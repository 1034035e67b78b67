"""One file a command: parse, build, call, print, return an exit code."""
