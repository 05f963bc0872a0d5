"""A Ray job that needs every node, notes how far it is, and goes on from there when it is run again."""
import json, os, sys, time

import ray

parts, pause, note = int(sys.argv[1]), float(sys.argv[2]), "/checkpoint/done.json"
ray.init()


@ray.remote(num_cpus=1, scheduling_strategy="SPREAD", max_retries=10)
def part(number, pause):
    time.sleep(pause)
    return ray.util.get_node_ip_address(), sum(i * i for i in range(number * 1000, (number + 1) * 1000))


done = json.load(open(note)) if os.path.exists(note) else {}
print("found", len(done), "parts done before", flush=True)
waiting = {part.remote(number, pause): number for number in range(parts) if str(number) not in done}
while waiting:
    ready, _ = ray.wait(list(waiting), num_returns=1)
    address, value = ray.get(ready[0])
    done[str(waiting.pop(ready[0]))] = [address, value]
    with open(note + ".new", "w") as file:
        json.dump(done, file)
    os.replace(note + ".new", note)
    print("part", len(done), "of", parts, "from", address, flush=True)
print("sum", sum(value for _, value in done.values()), "from", len({address for address, _ in done.values()}), "nodes", flush=True)
