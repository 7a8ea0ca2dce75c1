// What the alerts say, in English.
import { ENGLISH_DATA } from './english-data.js'
import { ENGLISH_MACHINE } from './english-machine.js'
import type { Words } from './words.js'

export const ENGLISH: Words = {
  severities: { info: 'for information', warning: 'warning', critical: 'CRITICAL' },
  kinds: {
    opened: '',
    grown: 'more: ',
    reminder: 'still: ',
    over: 'over: ',
    happened: '',
    test: '',
    digest: '',
    bundle: '',
  },
  rules: { ...ENGLISH_DATA, ...ENGLISH_MACHINE },
  labels: {
    since: 'since',
    until: 'over at',
    severity: 'severity',
    incident: 'incident',
    run: 'run',
    subjects: 'how many',
    acked: 'acknowledged by',
  },
  andMore: (who, more) => `${who} and ${more} more`,
  notNamed: more => `… and ${more} more: gmah-backup alert list --json`,
  overMeaning: 'It is over. Nothing more is to be done, but you may want to know why.',
  whatItMeans: 'What it means',
  whatToType: 'What to type next',
  theRun: 'the run',
  colon: ':',
  footer: (id, name, open) =>
    `incident ${id} on ${name}${open ? `; quiet it: gmah-backup alert ack ${id}` : ''}`,
  test: {
    title: 'this is a test',
    meaning: 'If you read this, alerts reach you through this channel.',
    footer: name => `gmah-backup on ${name}`,
  },
  bundle: {
    title: count => `${count} messages that could not be sent before`,
    meaning: 'This channel did not work for a while. This is what it should have told, oldest first.',
  },
  digest: {
    title: 'the week',
    labels: {
      protected: 'protected',
      worst: 'oldest last backup',
      proofs: 'test restores',
      oldestProof: 'oldest proof',
      restores: 'restores',
      growth: 'stored anew',
      storage: 'stored in all',
      cost: 'storage cost a month',
      deletions: 'deleted next',
      open: 'needs a human',
    },
    ofAll: (some, all) => `${some} of ${all}`,
    proofs: (passed, failed) => `${passed} passed, ${failed} failed`,
    nothing: 'nothing',
    never: 'never',
    meaning: 'Green: backed up. Red: every attempt failed. Grey: no attempt. Oldest night on the left.',
    tenant: 'tenant',
    nights: 'the last 30 nights',
    last: 'last backup',
    proof: 'last proof',
  },
}
