"""Where the gateway may connect to: every kind of address, as written and as connected to."""

import asyncio
import http.server
import socket
import threading

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from marketplace.gateway import addresses
from marketplace.gateway.door.resolver import GuardedResolver, connector
from portal.core.errors import Refused


def code(url, allowed=()):
    with pytest.raises(Refused) as refused:
        addresses.check(url, allowed=allowed)
    return refused.value.code


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.deepseek.com/v1", "https://api.deepseek.com/v1"),
        ("https://API.DeepSeek.com:443/v1/", "https://api.deepseek.com/v1"),
        ("https://api.deepseek.com./v1", "https://api.deepseek.com/v1"),
        ("https://models.example.cn:8443", "https://models.example.cn:8443"),
        ("https://models.example.cn:80/v1", "https://models.example.cn:80/v1"),
        ("https://xn--fsqu00a.xn--fiqs8s/v1", "https://xn--fsqu00a.xn--fiqs8s/v1"),
        ("https://8.8.8.8/v1", "https://8.8.8.8/v1"),
        ("https://[2400:3200::1]:1024/v1", "https://[2400:3200::1]:1024/v1"),
    ],
)
def test_a_public_https_address_is_kept_in_one_spelling(url, kept):
    assert addresses.check(url, allowed=()).url == kept
    assert addresses.check(kept, allowed=()).url == kept


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "0.0.0.0", "100.64.0.1",
        "169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1",
        "198.51.100.7", "203.0.113.7", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "127.0.0.1.", "[::]", "[::1]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::808:808]",
        "[2002:7f00:1::]", "[2002:c0a8:101::1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[2001:db8::1]",
        "[3fff::1]", "[2400:3200::5efe:10.0.0.1]", "[2400:3200::200:5efe:10.0.0.1]", "[4000::1]", "[100::1]",
        "localhost", "LOCALHOST.", "metadata", "metadata.google.internal", "db.local", "a.localhost", "nas.lan",
        "router.home.arpa",
    ],
)  # fmt: skip
def test_private_loopback_metadata_and_special_addresses_are_refused(host):
    assert code(f"https://{host}/v1") == "address_private"


@pytest.mark.parametrize(
    "ip",
    ["8.8.8.8", "172.15.255.255", "172.32.0.1", "100.128.0.1", "2400:3200::1", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_what_belongs_to_the_internet_is_public(ip):
    assert addresses.is_public(ip)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "0x7f.0.0.1", "127.1", "127.0.1", "10.1", "0", "0x",
        "127.0.0.01", "1.2.3.4.5", "999.1.1.1", "example.1", "a.0x1f", "[::1%eth0]", "[fe80::1%25eth0]",
        "127。0。0。1", "１２７.0.0.1", "ⓔxample.com", "exa mple.com", "a..b.com", "-a.com", "a-.com", "", ".", "..",
        "a.com\\@127.0.0.1", "a.com\t", "a.com\r\nHost: b", "a.com\x00", "%31%32%37.0.0.1", "a" * 64 + ".com",
        "[8.8.8.8]",
    ],
)  # fmt: skip
def test_numbers_spelled_otherwise_and_names_that_readers_read_differently_are_refused(host):
    assert code(f"https://{host}/v1") == "address_malformed"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://api.deepseek.com/v1", "address_https"),
        ("ftp://api.deepseek.com/v1", "address_https"),
        ("file:///etc/passwd", "address_https"),
        ("//api.deepseek.com/v1", "address_https"),
        ("api.deepseek.com", "address_https"),
        ("", "address_https"),
        ("https://u@api.deepseek.com/v1", "address_names_somebody"),
        ("https://u:p@api.deepseek.com/v1", "address_names_somebody"),
        ("https://api.deepseek.com@127.0.0.1/v1", "address_names_somebody"),
        ("https://@api.deepseek.com/v1", "address_names_somebody"),
        ("https://api.deepseek.com:22/v1", "address_port"),
        ("https://api.deepseek.com:0/v1", "address_port"),
        ("https://api.deepseek.com:1023/v1", "address_port"),
        ("https://api.deepseek.com:65536/v1", "address_malformed"),
        ("https://api.deepseek.com:x/v1", "address_malformed"),
        ("https://api.deepseek.com:/v1", "address_malformed"),
        ("https://api.deepseek.com/v1?key=1", "address_malformed"),
        ("https://api.deepseek.com/v1#a", "address_malformed"),
        ("https://api.deepseek.com/../admin", "address_malformed"),
    ],
)
def test_the_rest_of_an_address_is_looked_at_too(url, expected):
    assert code(url) == expected


def test_the_operator_allows_hosts_by_name_and_port():
    assert addresses.check("http://127.0.0.1:9000/v1", allowed={"127.0.0.1:9000"}).port == 9000
    assert addresses.check("http://Models.Internal:81/v1", allowed={"models.internal"}).host == "models.internal"
    assert addresses.check("http://[::1]:9000", allowed={"[::1]:9000"}).url == "http://[::1]:9000"
    assert code("http://127.0.0.1:9001/v1", allowed={"127.0.0.1:9000"}) == "address_https"
    assert code("https://127.0.0.1:9001/v1", allowed={"127.0.0.1:9000"}) == "address_private"
    assert code("https://u:p@127.0.0.1:9000/v1", allowed={"127.0.0.1:9000"}) == "address_names_somebody"
    assert code("https://evil-models.internal/v1", allowed={"models.internal"}) == "address_private"


def test_what_is_allowed_comes_from_the_environment(settings):
    assert code("http://127.0.0.1:9000/v1", allowed=None) == "address_https"
    settings.GATEWAY_ALLOWED_HOSTS = ["127.0.0.1:9000"]
    assert addresses.check("http://127.0.0.1:9000/v1").host == "127.0.0.1"


# at connect time


class Says(AbstractResolver):
    """A name server that gives one answer after the other, as rebinding does."""

    def __init__(self, *answers):
        self.answers = list(answers)

    async def resolve(self, host, port=0, family=socket.AF_INET):
        ips = self.answers.pop(0)
        return [{"hostname": host, "host": ip, "port": port, "family": family, "proto": 0, "flags": 0} for ip in ips]

    async def close(self):
        pass


def resolved(resolver, host="models.example", port=443):
    return [one["host"] for one in asyncio.run(resolver.resolve(host, port))]


def test_a_name_is_checked_each_time_it_is_looked_up():
    later = [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:8.8.8.8"], ["fe80::1%2"]]
    resolver = GuardedResolver((), Says(["8.8.8.8"], *later))
    assert resolved(resolver) == ["8.8.8.8"]
    for _again in range(4):
        with pytest.raises(OSError, match="not public"):
            resolved(resolver)


def test_an_allowed_name_may_lead_inside_but_only_at_its_port():
    resolver = GuardedResolver({"models.internal:9000"}, Says(["10.0.0.1"], ["10.0.0.1"]))
    assert resolved(resolver, "Models.Internal", 9000) == ["10.0.0.1"]
    with pytest.raises(OSError, match="not public"):
        resolved(resolver, "models.internal", 9001)


@pytest.fixture
def inside():
    """A server on this machine that counts who came."""
    came = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            came.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], came
    server.shutdown()
    server.server_close()


def get(url, allowed):
    async def once():
        async with (
            aiohttp.ClientSession(connector=connector(allowed)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            return answer.status

    return asyncio.run(once())


def test_a_session_with_the_guard_does_not_reach_this_machine_by_a_name(inside):
    port, came = inside
    with pytest.raises(aiohttp.ClientConnectorError):
        get(f"http://localhost:{port}/secret", allowed=())
    assert came == []
    assert get(f"http://localhost:{port}/v1", allowed={f"localhost:{port}"}) == 200
    assert came == ["/v1"]
