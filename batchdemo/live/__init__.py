"""THE REAL THING: real sockets, a real clock, a server in a thread of its own and a client in another."""
