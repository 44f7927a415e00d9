#!/usr/bin/env python3
"""raw_frames.py GATEWAY COUNT SEED PORT: in a container with NET_RAW, sends COUNT frames that no kernel
would to its gateway: SYNs, echo requests and datagrams of both families with bytes changed, cut and
longer, from foreign and to closed addresses. Before them, SYNs to the host's loopback at PORT."""
import random
import socket
import struct
import sys

gateway, count, seed, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
# Whatever it says, the kernel learns the gateway's hardware address by it.
socket.socket(socket.AF_INET, socket.SOCK_STREAM).connect_ex((gateway, 9))
with open("/proc/net/arp") as table:
    mac = next(line.split()[3] for line in table if line.startswith(gateway + " "))
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("eth0", 0))
own_mac = out.getsockname()[4]
far_mac = bytes.fromhex(mac.replace(":", ""))
own4 = gateway.rsplit(".", 1)[0] + ".2"


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def ipv4(protocol, body, source, target):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 7, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def tcp4(source, target, to_port, flags=2):
    body = struct.pack("!HHIIBBHHH", 40000 + random.randrange(9999), to_port, 1, 0, 0x50, flags,
                       65535, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!HH", 6, len(body))
    body = body[:16] + struct.pack("!H", checksum(pseudo + body)) + body[18:]
    return ipv4(6, body, source, target)


def ipv6(protocol, body, target):
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + \
        socket.inet_pton(socket.AF_INET6, "fd73:616e:6462::2") + \
        socket.inet_pton(socket.AF_INET6, target) + body


def send(packet):
    kind = 0x86dd if packet[0] >> 4 == 6 else 0x0800
    try:
        out.send(far_mac + own_mac + struct.pack("!H", kind) + packet)
    except OSError:
        pass  # too long for the link, or its queue is full


for target in ("127.0.0.1", "127.0.0.2", "0.0.0.0"):
    for source in (own4, "127.0.0.1", gateway, "198.51.100.7"):
        send(tcp4(source, target, port))
        send(ipv4(17, struct.pack("!HHHH", 5000, port, 12, 0) + b"evil", source, target))
random.seed(seed)
echo = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"x" * 32
templates = [tcp4(own4, "198.51.100.2", 9), tcp4(own4, "203.0.113.3", 80), tcp4(own4, gateway, 53),
             tcp4("192.0.2.9", "198.51.100.2", 9), tcp4(own4, "198.51.100.2", 9, 0x12),
             ipv4(1, echo, own4, "198.51.100.2"), ipv4(1, echo[:3], own4, gateway),
             ipv4(17, struct.pack("!HHHH", 53, 53, 20, 0) + b"\xff" * 12, own4, gateway),
             ipv4(17, struct.pack("!HHHH", 5, 69, 8, 0), own4, gateway),
             ipv6(6, tcp4(own4, own4, 9)[20:], "2001:db8:1::2"),
             ipv6(58, b"\x80" + echo[1:], "2001:db8:1::2"), ipv6(0, b"\x06\0" * 8, "2001:db8:1::2"),
             ipv6(44, b"\x06\0\0\1" * 4, "2001:db8:1::2")]
for _ in range(count):
    packet = bytearray(random.choice(templates))
    for _ in range(random.choice((0, 1, 1, 2, 8))):
        packet[random.randrange(len(packet))] = random.randrange(256)
    if random.random() < 0.2:
        packet = packet[:random.randrange(1, len(packet) + 1)]
    elif random.random() < 0.1:
        packet += random.randbytes(random.randrange(2000))
    send(bytes(packet))
print("sent")
