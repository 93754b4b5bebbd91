#!/usr/bin/env python3
"""An engine on a real GPU in vLLM's dialect: a server, and beside it a core process in a session of its own that holds the memory.

vLLM itself is several gigabytes; what a switch has to get right is told as well by PyTorch and transformers: the weights are loaded
from the folder, a share of the device is taken (`--gpu-memory-utilization`, as vLLM does for its cache), and the core gives it back
only LINGER seconds after it was told to end.
"""
import http.server
import json
import os
import signal
import subprocess
import sys
import time


def words_of(flag, words):
    """The values behind a flag, written with `-` or `_`, with a space or `=`."""
    found = []
    for at, word in enumerate(words):
        name, _, value = word.partition("=")
        if name.replace("_", "-") != flag:
            continue
        if value:
            found.append(value)
            continue
        for other in words[at + 1:]:
            if other.startswith("--"):
                break
            found.append(other)
    return found


def core(folder, share):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.cuda.init()
    free, total = torch.cuda.mem_get_info()
    note("start", free=free, total=total, pid=os.getpid())
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").to("cuda")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    cache = torch.zeros(int(total * share), dtype=torch.uint8, device="cuda")
    torch.cuda.synchronize()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        wish = json.loads(line)
        text = wish["text"]
        if isinstance(text, list):
            text = tokenizer.apply_chat_template(text, tokenize=False, add_generation_prompt=True)
        given = tokenizer(text, return_tensors="pt").to("cuda")
        made = model.generate(input_ids=given["input_ids"], max_new_tokens=wish["tokens"], do_sample=False)
        new = made[0][given["input_ids"].shape[1]:]
        told = {"text": tokenizer.decode(new, skip_special_tokens=True), "tokens": len(new), "prompt": given["input_ids"].shape[1]}
        print(json.dumps(told), flush=True)
    # told to end: the memory stays for a while, as it does when a real engine tears down
    time.sleep(float(os.environ.get("LINGER", "0")))
    note("end", pid=os.getpid(), held=int(cache.numel()))


def note(what, **facts):
    with open(os.environ["ENGINE_NOTES"], "a", encoding="utf8") as file:
        file.write(json.dumps({"what": what, "at": time.time(), **facts}) + "\n")


def main():
    words = sys.argv[1:]
    if words and words[0] == "core":
        return core(words[1], float(words[2]))
    folder = (words_of("--model", words) or [words[1]])[0]
    names = words_of("--served-model-name", words)
    share = float((words_of("--gpu-memory-utilization", words) or ["0.6"])[-1])
    port = int(words_of("--port", words)[-1])
    worker = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "core", folder, str(share)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )
    ready = worker.stdout.readline()
    if "ready" not in ready:
        worker.wait()
        sys.exit(1)

    def end(*_):
        worker.stdin.close()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)

    class Routes(http.server.BaseHTTPRequestHandler):
        def reply(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

        def do_GET(self):
            if self.path == "/health":
                return self.reply(200 if worker.poll() is None else 503, {})
            if self.path == "/v1/models":
                return self.reply(200, {"object": "list", "data": [{"id": name, "object": "model", "root": folder} for name in names]})
            self.reply(404, {})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            worker.stdin.write(json.dumps({"text": body.get("messages") or body["prompt"], "tokens": body.get("max_tokens", 16)}) + "\n")
            worker.stdin.flush()
            told = json.loads(worker.stdout.readline())
            choice = {"index": 0, "finish_reason": "stop", "text": told["text"], "message": {"role": "assistant", "content": told["text"]}}
            usage = {"prompt_tokens": told["prompt"], "completion_tokens": told["tokens"], "total_tokens": told["prompt"] + told["tokens"]}
            self.reply(200, {"model": body["model"], "choices": [choice], "usage": usage})

    http.server.HTTPServer(("127.0.0.1", port), Routes).serve_forever()


main()
