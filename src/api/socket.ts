// Where the daemon's socket is.
import { join } from 'node:path'

/** In a folder of its own, which is closed to others before the socket is there. */
export const socketPath = (stateDirectory: string): string => join(stateDirectory, 'api', 'socket')
