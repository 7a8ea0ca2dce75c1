// Bytes that look random and are the same for the same seed on every machine: AES-128 in counter mode.
import { createCipheriv } from 'node:crypto'

/** `length` bytes of noise. */
export function noise(length: number, seed: number): Buffer<ArrayBuffer> {
  const key = Buffer.alloc(16)
  key.writeUIntBE(seed, 0, 6)
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  const zeros = new Uint8Array(Math.min(length, 1024 * 1024))
  const out = Buffer.allocUnsafeSlow(length)
  for (let at = 0; at < length; at += zeros.length) out.set(cipher.update(zeros.subarray(0, length - at)), at)
  return out
}
