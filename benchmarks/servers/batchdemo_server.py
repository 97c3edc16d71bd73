"""batchdemo's server, as `batchdemo serve` runs it.   python batchdemo_server.py PORT INTERVAL SIZE"""

import sys
import threading

import batchdemo as bd

if __name__ == "__main__":
    port, interval, size = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    bd.Server(bd.FixedInterval(size, interval), port=port, max_queue_size=1_000_000).start()
    threading.Event().wait()
