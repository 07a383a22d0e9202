#!/usr/bin/env python3
"""A worker for Millrace in Python, by HTTP and the standard library alone.
MILLRACE_URL=http://127.0.0.1:8000 MILLRACE_API_KEY=mrk_… python3 worker.py [worker id]
"""
import json, os, signal, sys, threading, urllib.error, urllib.request, uuid

URL, KEY = os.environ["MILLRACE_URL"], os.environ["MILLRACE_API_KEY"]
WORKER = sys.argv[1] if len(sys.argv) > 1 else f"python-{uuid.uuid4()}"
leaving, running = threading.Event(), set()


def count_words(payload):
    return {"words": len(payload["text"].split()), "characters": len(payload["text"])}


HANDLERS = {"text.count": count_words}  # Task type → function of the payload; what it returns is the result.


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(URL + path, data, headers, method=method), timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def beside(every, act):  # Runs `act` every so many seconds until the returned event is set.
    done = threading.Event()

    def loop():
        while not done.wait(every):
            try:
                act()
            except OSError as error:  # The API is away, or the lease is lost: what follows from that, others see to.
                print(f"{WORKER}: {error}", file=sys.stderr)
    threading.Thread(target=loop, daemon=True).start()
    return done


def run(task):
    path, token = f"/api/tasks/{task['task_id']}", {"lease_token": task["lease_token"]}
    running.add(task["task_id"])
    extending = beside(10, lambda: call("POST", path + "/progress", token))
    try:
        call("POST", path + "/complete", {**token, "result": HANDLERS[task["task_type"]](task["payload"])})
    except urllib.error.HTTPError as refusal:  # 409 LEASE_LOST: somebody else has the task by now.
        print(f"{WORKER}: {refusal.read().decode()}", file=sys.stderr)
    except Exception as error:  # The handler's: the task is tried again by its own policy.
        call("POST", path + "/fail", {**token, "error": {"code": type(error).__name__, "message": str(error)[:2000]}})
    finally:
        extending.set()
        running.discard(task["task_id"])


signal.signal(signal.SIGTERM, lambda *_: leaving.set())
beat = call("POST", "/api/workers/register", {"worker_id": WORKER, "capabilities": list(HANDLERS), "max_concurrent_tasks": 1})
beside(beat["heartbeat_interval"] * 0.8, lambda: call("POST", f"/api/workers/{WORKER}/heartbeat", {"current_tasks": list(running)}))
while not leaving.is_set():
    for leased in call("POST", f"/api/workers/{WORKER}/lease", {"max_tasks": 1, "wait_seconds": 5})["tasks"]:
        run(leased)
call("DELETE", f"/api/workers/{WORKER}")
