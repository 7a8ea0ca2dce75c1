// What a role or a database may say of itself (ALTER ROLE … SET) and must not: how values are written, and what would end our work
// or forbid it. All of these are in every server from 12 on, and anyone may set them.

/** For our own sessions and for the pg programs alike; each adds what is its own affair. */
export const PINNED: Readonly<Record<string, string>> = {
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  bytea_output: 'hex',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  // A role that only backs up may be read-only by default; one that restores says what it does.
  default_transaction_read_only: 'off',
}
