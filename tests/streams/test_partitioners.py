"""Which partition a key belongs to: as other clients have it."""

from __future__ import annotations

from django.test import SimpleTestCase

from notifications_counter.contrib.streams.partitioners import _murmur2, fnv1a, murmur2, partitioner_of
from notifications_counter.exceptions import InvalidSettings

#: Of Kafka's own UtilsTest: what the Java client makes of these bytes, as signed numbers.
OF_JAVA = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}
#: Published test vectors of FNV-1a, 32 bits.
OF_FNV = {"": 0x811C9DC5, "a": 0xE40C292C, "foobar": 0xBF9CF968}
KEYS = [f"user-{number}" for number in range(10)]
MURMUR2 = [3, 8, 6, 7, 7, 6, 3, 4, 1, 9]
FNV1A = [7, 6, 9, 8, 3, 2, 5, 4, 9, 8]


class PartitionerTests(SimpleTestCase):
    def test_murmur2_is_that_of_the_java_client(self) -> None:
        found = {key: _murmur2(key.encode()) for key in OF_JAVA}
        self.assertEqual({key: one - (1 << 32) * (one >> 31) for key, one in found.items()}, OF_JAVA)

    def test_fnv1a_is_the_published_hash_with_gos_sign(self) -> None:
        for key, hashed in OF_FNV.items():
            signed = hashed - (1 << 32) * (hashed >> 31)
            self.assertEqual(fnv1a(key, 1_000_003), abs(signed) % 1_000_003)

    def test_the_partitions_of_ten_keys(self) -> None:
        self.assertEqual([murmur2(key, 10) for key in KEYS], MURMUR2)
        self.assertEqual([fnv1a(key, 10) for key in KEYS], FNV1A)

    def test_a_partitioner_of_ones_own_is_a_function(self) -> None:
        self.assertEqual(partitioner_of(lambda key, number: len(key) % number)("user-1", 4), 2)
        with self.assertRaisesMessage(InvalidSettings, "'murmur3'"):
            partitioner_of("murmur3")
