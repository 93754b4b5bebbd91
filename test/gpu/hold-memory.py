# Holds memory of a GPU until it is killed, in two processes as an engine does: this one, and one that it starts.
# Tells what torch knows as one JSON line per process.
import json, os, subprocess, sys, time

gibi = int(sys.argv[1])
child = subprocess.Popen([sys.executable, __file__, '1', 'child']) if len(sys.argv) == 2 else None
import torch

block = torch.empty(gibi * 1024**3, dtype=torch.uint8, device='cuda:0')
block.fill_(1)
torch.cuda.synchronize()
free, total = torch.cuda.mem_get_info()
print(json.dumps({
    'pid': os.getpid(),
    'isLeader': child is not None,
    'name': torch.cuda.get_device_name(0),
    'reserved': torch.cuda.memory_reserved(0),
    'free': free,
    'total': total,
}), flush=True)
time.sleep(600)
