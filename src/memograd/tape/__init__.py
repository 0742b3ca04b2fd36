"""The tape and its nodes: recording, names, assignment, scratch blocks, copies."""
