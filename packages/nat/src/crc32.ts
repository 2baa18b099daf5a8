/**
 * CRC-32 (ISO 3309), which STUN's fingerprint is made of.
 *
 * Decides the polynomial and nothing else; Node has the function from its version 22 on only.
 */

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0)
  return value >>> 0
})

/** The checksum over all parts, one behind the other. */
export function crc32(...parts: readonly Uint8Array[]): number {
  let sum = 0xffffffff
  for (const part of parts) {
    for (const byte of part) sum = (sum >>> 8) ^ (TABLE[(sum ^ byte) & 0xff] ?? 0)
  }
  return (sum ^ 0xffffffff) >>> 0
}
