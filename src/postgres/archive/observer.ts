// The archive reader in the shape in which an intake thread watches a stream (StreamObserver in repository/intake.ts).
import { ArchiveReader } from './reader.js'

export const createObserver = (): ArchiveReader => new ArchiveReader()
