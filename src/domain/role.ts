// What the holder of a token may do, least first: look; start backups and restores; change what runs by itself and who may
// what.
export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]
