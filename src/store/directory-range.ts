// A stretch of a file in a directory store. Which content it is of tells the file's inode, time and size: writes make new files.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { Failure } from '../domain/errors.js'
import { throwIfInterrupted } from '../sys/interruption.js'
import type { Root } from './directory-root.js'
import { versionOf } from './directory-walk.js'
import { fileFailure, isAbsent } from './file-errors.js'
import type { Piece, Range } from './port.js'

export async function readRange(
  root: Root,
  key: string,
  { start, bytes, version, signal }: Range & { version?: string; signal?: AbortSignal },
): Promise<Piece> {
  const file = root.fileOf(key)
  throwIfInterrupted(signal)
  const piece = await readPiece(file, { start, bytes })
  throwIfInterrupted(signal)
  if (!piece) {
    await root.check()
    throw new Failure('object-missing', `there is no object ${key}`)
  }
  if (version !== undefined && version !== piece.version) {
    throw new Failure('store-conflict', `the object ${key} is not the one that was read before`)
  }
  return piece
}

async function readPiece(file: string, { start, bytes }: Range): Promise<Piece | null> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const at = await handle.stat({ bigint: true })
      if (at.isDirectory()) return null
      const totalBytes = Number(at.size)
      const body = Buffer.alloc(Math.max(0, Math.min(bytes, totalBytes - start)))
      let length = 0
      while (length < body.length) {
        const { bytesRead } = await handle.read(body, length, body.length - length, start + length)
        if (bytesRead === 0) throw new Failure('object-corrupt', `${file} came short while it was read`)
        length += bytesRead
      }
      return { body, totalBytes, version: versionOf(at), modifiedAt: at.mtime }
    } finally {
      await handle.close()
    }
  } catch (thrown) {
    if (isAbsent(thrown)) return null
    throw fileFailure(thrown, `read ${file}`)
  }
}
