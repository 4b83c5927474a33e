"""HTTP/1.1 on httptools and the standard library's sockets, asyncio and ssl: the extra `fast`.

It sends finished bytes and returns what arrives, at once and unchanged: no redirects, no cookies, no decompression, no
header that it was not given, no request sent a second time. Imported on first use only.
"""
