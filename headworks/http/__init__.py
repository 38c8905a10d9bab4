"""HTTP/1.1, both ends, on httptools: the only sockets. Foreign exceptions become ours here."""
