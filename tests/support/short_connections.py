#!/usr/bin/env python3
"""short_connections.py HOST PORT RATE SECONDS: RATE connections a second, each says a line, hears it
back and is closed. Prints "N done, M failed"; exit status 1 when one failed or the rate was not met.
short_connections.py --serve HOST [PORT]: the other side; prints its port."""
import asyncio
import resource
import sys
import time

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve(host, port):
    async def on_client(reader, writer):
        try:
            writer.write(await reader.readline())
            await reader.read()
        except OSError:
            pass
        writer.close()
    server = await asyncio.start_server(on_client, host, port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def main(host, port, rate, seconds):
    loop = asyncio.get_running_loop()
    done, reasons, open_ones = 0, {}, set()

    async def one():
        nonlocal done
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 20)
            writer.write(b"hello\n")
            heard = await asyncio.wait_for(reader.readline(), 20)
            writer.close()
            done += heard == b"hello\n"
            if heard != b"hello\n":
                reasons["no answer"] = reasons.get("no answer", 0) + 1
        except (OSError, asyncio.TimeoutError) as error:
            reasons[repr(error)] = reasons.get(repr(error), 0) + 1
    begin = time.monotonic()
    for i in range(int(rate * seconds)):
        late = begin + i / rate - time.monotonic()
        if late > 0.001:
            await asyncio.sleep(late)
        task = loop.create_task(one())
        open_ones.add(task)
        task.add_done_callback(open_ones.discard)
    await asyncio.gather(*open_ones)
    took = time.monotonic() - begin
    print(f"{done} done, {sum(reasons.values())} failed {reasons or ''} in {took:.1f} s")
    return done != int(rate * seconds)


if sys.argv[1] == "--serve":
    asyncio.run(serve(sys.argv[2], int((sys.argv + [0])[3])))
else:
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
