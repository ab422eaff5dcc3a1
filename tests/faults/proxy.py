"""A TCP proxy whose links can be cut, slowed and turned to another server while it runs.

    proxy.py NAME=PORT=HOST:PORT ...

Commands come on standard input, one a line, and each is answered by "ok":
    NAME pass              forwards
    NAME slow MS           waits so long before it hands on what a server answers
    NAME cut               closes every connection and every new one
    NAME hold              keeps connections, forwards nothing (as a lost network would)
    NAME to HOST:PORT      new connections go there; old ones are closed
Ends with its standard input.
"""
import asyncio
import sys

CHUNK = 1 << 18


class Link:
    def __init__(self, name, port, target):
        self.name, self.port, self.target = name, int(port), target
        self.delay, self.refuses = 0.0, False
        self.flows = asyncio.Event()
        self.flows.set()
        self.open = set()

    async def begin(self):
        await asyncio.start_server(self.accept, "127.0.0.1", self.port)

    async def accept(self, reader, writer):
        if self.refuses:
            writer.transport.abort()
            return
        host, port = self.target.rsplit(":", 1)
        try:
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, far_writer)
        self.open.add(ends)
        await asyncio.gather(self.pump(reader, far_writer, False), self.pump(far_reader, writer, True))
        self.open.discard(ends)

    async def pump(self, reader, writer, answers):
        try:
            while True:
                data = await reader.read(CHUNK)
                if not data:
                    break
                if answers and self.delay:
                    await asyncio.sleep(self.delay)
                await self.flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    def drop(self):
        for ends in list(self.open):
            for writer in ends:
                writer.transport.abort()

    def do(self, word, *args):
        if word in ("pass", "slow"):
            self.delay, self.refuses = (float(args[0]) / 1000 if args else 0.0), False
            self.flows.set()
        elif word == "cut":
            self.refuses = True
            self.flows.set()
            self.drop()
        elif word == "hold":
            self.flows.clear()
        elif word == "to":
            self.target = args[0]
            self.drop()
        else:
            raise ValueError(word)


async def main(specs):
    links = {}
    for spec in specs:
        link = Link(*spec.split("="))
        links[link.name] = link
        await link.begin()
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print("ok", flush=True)
    while True:
        line = await commands.readline()
        if not line:
            return
        name, *words = line.decode().split()
        links[name].do(*words)
        print("ok", flush=True)


asyncio.run(main(sys.argv[1:]))
