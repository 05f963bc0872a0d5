"""A ring all-reduce of numpy arrays over TCP: what torchrun's programs do, without torch. Every rank ends with the same sum."""
import os, socket, struct, sys, threading, time

import numpy

rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
hosts = os.environ["TETRA_HOSTS"].split()
port, size = 29400, 1 << 18


def receive(stream, count):
    data = b""
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            raise ConnectionError("the ring broke")
        data += piece
    return data


listener = socket.create_server((os.environ["TETRA_ADDRESS"], port))
after = (rank + 1) % world
deadline = time.time() + 60
while True:
    try:
        right = socket.create_connection((hosts[after], port), timeout=5)
        break
    except OSError:
        if time.time() > deadline:
            raise
        time.sleep(0.2)
right.settimeout(60)
left, _ = listener.accept()
own = numpy.full(size, rank + 1, dtype=numpy.int64)
total, passing = own.copy(), own
began = time.time()
for _ in range(world - 1):
    # All send at once: who only sent before receiving would wait for ever on full buffers.
    sending = threading.Thread(target=right.sendall, args=(struct.pack("!Q", passing.nbytes) + passing.tobytes(),))
    sending.start()
    (length,) = struct.unpack("!Q", receive(left, 8))
    passing = numpy.frombuffer(receive(left, length), dtype=numpy.int64)
    sending.join()
    total = total + passing
took = time.time() - began
wanted = world * (world + 1) // 2
print(f"rank {rank} of {world}: {'right' if (total == wanted).all() else 'WRONG'} in {took:.3f} s")
sys.exit(0 if (total == wanted).all() else 1)
