// The one place where text is matched: PostgreSQL's programs report a failure by exit code 1 and words alone, without the SQLSTATE.
// Their own words are English because LC_ALL is pinned; the server's follow its lc_messages, so each has a fallback that does not need them.

/** What the words on stderr come to. `other` when they tell nothing. */
export type Verdict =
  | 'connection-lost'
  | 'refused'
  | 'lock-timeout'
  | 'denied'
  | 'row-security'
  | 'role-missing'
  | 'extension-missing'
  | 'disk-full'
  | 'other'

/** In order: a lost connection explains every other complaint. Source: fe-connect.c, fe-misc.c, pg_dump.c; the server's in lmgr, aclchk.c, acl.c, extension.c. */
const WORDS: [RegExp, Verdict][] = [
  [
    /the database system is (starting up|shutting down|in recovery mode)|too many (clients|connections for)|remaining connection slots/,
    'connection-lost',
  ],
  [/connection to server .* failed: FATAL:/, 'refused'],
  [
    /server closed the connection unexpectedly|terminating connection|could not receive data from server|connection to server .* failed/,
    'connection-lost',
  ],
  [/No space left on device|Disk quota exceeded/, 'disk-full'],
  [/canceling statement due to lock timeout/, 'lock-timeout'],
  [/would be affected by row-level security policy/, 'row-security'],
  [
    /permission denied|must be owner of|must be superuser|must be member of role|must be able to SET ROLE/,
    'denied',
  ],
  [/role ".*" does not exist/, 'role-missing'],
  [/extension ".*" is not available|could not open extension control file/, 'extension-missing'],
]

/** pg_dump's own words about the statement that failed; after the checks above only a lock can be behind it. */
const LOCKING = /Query was: LOCK TABLE/

export function judge(stderr: string): Verdict {
  for (const [words, verdict] of WORDS) if (words.test(stderr)) return verdict
  return LOCKING.test(stderr) && !stderr.includes('does not exist') ? 'lock-timeout' : 'other'
}

/** The line that says what went wrong, without the program's name; for a Failure's message. */
export function firstComplaint(stderr: string): string {
  const line =
    stderr.split('\n').find(text => /error:|ERROR:|FATAL:/.test(text)) ?? stderr.split('\n')[0] ?? ''
  return line.replace(/^pg_\w+: (error: )?/, '').trim() || 'it said nothing'
}
