"""Serves a page on every node, and fetches those of all nodes by their addresses in the overlay: by a device where there is one, by the
proxy that TETRA_PROXY names where there is none."""
import http.server, os, socket, struct, sys, threading, time

rank, hosts, port = int(os.environ["RANK"]), os.environ["TETRA_HOSTS"].split(), 8000
proxy = os.environ.get("TETRA_PROXY", "").rpartition("/")[2]


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"page of rank %d" % rank)

    def log_message(self, *_):
        pass


def connect(host):
    if not proxy:
        return socket.create_connection((host, port), 5)
    # RFC 1928: no authentication, CONNECT to an address of IPv4.
    name, _, at = proxy.partition(":")
    stream = socket.create_connection((name, int(at)), 5)
    stream.sendall(b"\x05\x01\x00")
    assert stream.recv(2) == b"\x05\x00"
    stream.sendall(b"\x05\x01\x00\x01" + socket.inet_aton(host) + struct.pack(">H", port))
    if stream.recv(10)[1] != 0:
        raise OSError("refused by the proxy")
    return stream


def fetch(host):
    # The other node's program may still start.
    for _ in range(40):
        try:
            with connect(host) as stream:
                stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: stream.recv(4096), b""))
                if b"page of rank" in answer:
                    return answer.rpartition(b"\r\n")[2].decode()
        except OSError:
            pass
        time.sleep(0.5)
    return "none"


server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
pages = [fetch(host) for host in hosts]
right = pages == [f"page of rank {number}" for number in range(len(hosts))]
print(f"rank {rank} by {'a proxy' if proxy else 'a device'}: {'right' if right else 'wrong'}: {pages}", flush=True)
# The others may still ask.
time.sleep(10)
sys.exit(0 if right else 1)
