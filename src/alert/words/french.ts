// What the alerts say, in French. Commands are the same in every language.
import { FRENCH_DATA } from './french-data.js'
import { FRENCH_MACHINE } from './french-machine.js'
import type { Words } from './words.js'

export const FRENCH: Words = {
  severities: { info: 'pour information', warning: 'attention', critical: 'CRITIQUE' },
  kinds: {
    opened: '',
    grown: 's’étend : ',
    reminder: 'toujours : ',
    over: 'terminé : ',
    happened: '',
    test: '',
    digest: '',
    bundle: '',
  },
  rules: { ...FRENCH_DATA, ...FRENCH_MACHINE },
  labels: {
    since: 'depuis',
    until: 'terminé à',
    severity: 'gravité',
    incident: 'incident',
    run: 'exécution',
    subjects: 'combien',
    acked: 'pris en compte par',
  },
  andMore: (who, more) => `${who} et ${more} de plus`,
  notNamed: more => `… et ${more} de plus : gmah-backup alert list --json`,
  overMeaning: 'C’est terminé. Il n’y a plus rien à faire, sinon comprendre pourquoi.',
  whatItMeans: 'Ce que cela signifie',
  whatToType: 'Ce qu’il faut taper',
  theRun: 'l’exécution',
  colon: ' :',
  footer: (id, name, open) =>
    `incident ${id} sur ${name}${open ? ` ; pour le calmer : gmah-backup alert ack ${id}` : ''}`,
  test: {
    title: 'ceci est un essai',
    meaning: 'Si vous lisez ceci, les alertes vous parviennent par ce canal.',
    footer: name => `gmah-backup sur ${name}`,
  },
  bundle: {
    title: count => `${count} messages qui n’ont pas pu partir plus tôt`,
    meaning: 'Ce canal n’a pas marché pendant un moment. Voici ce qu’il devait dire, le plus ancien d’abord.',
  },
  digest: {
    title: 'la semaine',
    labels: {
      protected: 'protégés',
      worst: 'plus ancienne dernière sauvegarde',
      proofs: 'restaurations d’essai',
      oldestProof: 'plus ancienne preuve',
      restores: 'restaurations',
      growth: 'nouvellement stocké',
      storage: 'stocké en tout',
      cost: 'coût du stockage par mois',
      deletions: 'supprimé prochainement',
      open: 'à traiter',
    },
    ofAll: (some, all) => `${some} sur ${all}`,
    proofs: (passed, failed) => `réussites : ${passed}, échecs : ${failed}`,
    nothing: 'rien',
    never: 'jamais',
    meaning: 'Vert : sauvegardé. Rouge : échec. Gris : pas d’essai. La nuit la plus ancienne est à gauche.',
    tenant: 'client',
    nights: 'les 30 dernières nuits',
    last: 'dernière sauvegarde',
    proof: 'dernière preuve',
  },
}
