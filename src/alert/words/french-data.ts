// What the alerts say of backups, proofs, restores, archives and retention, in French.
import type { RuleWords } from './words.js'

export const FRENCH_DATA = {
  'backup-failed': {
    title: 'sauvegarde échouée : {who}',
    meaning: 'L’état de cette nuit n’est pas à l’abri. Les sauvegardes antérieures restent restaurables.',
    next: ['gmah-backup runs {run}', 'gmah-backup backup {each}'],
  },
  'backup-late': {
    title: 'pas de sauvegarde dans le délai : {who}',
    meaning: 'Un sinistre maintenant perdrait tout ce qui est venu depuis.',
    line: 'dernière sauvegarde : {detail}',
    next: ['gmah-backup runs', 'gmah-backup backup {each}'],
  },
  'backup-shrunk': {
    title: 'bien plus petit que d’habitude : {who}',
    meaning:
      'La sauvegarde est saine, mais des lignes ont disparu de la base. Si personne ne les a supprimées exprès, les sauvegardes antérieures les contiennent.',
    next: ['gmah-backup backups {first}', 'gmah-backup restore {first} --backup ID --as {first}_check'],
  },
  'discovery-problem': {
    title: 'le serveur n’a pas pu être vu en entier',
    meaning: 'Un client qui n’a pas été vu n’a pas été sauvegardé.',
    next: ['gmah-backup tenants'],
  },
  drift: {
    title: 'bases et clients ne concordent pas ({cause})',
    meaning:
      'Une base sans organisation est sauvegardée quand même. Une organisation sans base ne l’est pas ; une base disparue, ou laissée de côté, ne l’est plus.',
    next: ['gmah-backup tenants'],
  },
  'schemas-left': {
    title: 'une restauration a laissé des tables non prouvées dans une base en service : {who}',
    meaning:
      'Cette machine ne connaît pas cette restauration : rien n’est supprimé sans demande. Ces tables occupent du disque et sont dans chaque sauvegarde. Si aucune autre machine ne restaure en ce moment, supprimez-les.',
    next: ['gmah-backup runs'],
  },
  'objects-damaged': {
    title: 'objets endommagés dans le stockage : {who}',
    meaning:
      'Les sauvegardes qui en dépendent ne sont pas restaurables. La prochaine restocke ce qui sert encore.',
    next: ['gmah-backup backup {each}', 'gmah-backup check {each}', 'gmah-backup backups {first}'],
  },
  'backups-vanished': {
    title: 'des sauvegardes ont disparu du stockage : {who}',
    meaning:
      'Aucun nettoyage d’ici ne les a prises : une règle de cycle de vie, une main ou une autre machine. Ce qui reste est restaurable ; récupérez les versions supprimées si le bucket en garde.',
    next: ['gmah-backup backups {first}', 'gmah-backup backup {each}'],
  },
  'check-problem': {
    title: 'un contrôle a trouvé de l’inutilisable : {who}',
    meaning:
      'Une clé ou un manifeste du stockage n’est pas en ordre : des sauvegardes pourraient ne pas s’ouvrir, ici ou ailleurs.',
    next: ['gmah-backup runs {run}', 'gmah-backup keys rotate'],
  },
  'check-failed': {
    title: 'le contrôle a échoué : {who}',
    meaning: 'Cela ne dit rien des sauvegardes, mais personne n’a regardé si elles sont entières.',
    next: ['gmah-backup runs {run}'],
  },
  'proof-failed': {
    title: 'une restauration d’essai a échoué : {who}',
    meaning:
      'Ne comptez pas sur cette sauvegarde. Une autre est peut-être saine : voyez laquelle avant d’en avoir besoin.',
    next: ['gmah-backup runs {run}', 'gmah-backup backups {first}'],
  },
  'proof-old': {
    title: 'pas éprouvé depuis trop longtemps : {who}',
    line: 'dernière preuve : {detail}',
    meaning: 'Des sauvegardes sont faites, mais personne ne sait si elles sont restaurables.',
    next: ['gmah-backup schedules', 'gmah-backup runs'],
  },
  'proof-impossible': {
    title: 'pas la place d’éprouver : {who}',
    meaning:
      'La restauration d’essai demande plus de disque qu’il n’y en a. Les sauvegardes existent, sans preuve.',
    line: 'demandé > libre : {detail}',
    next: ['df -h', 'mettez drills.scratch_directory sur un disque plus grand, ou drills.scratch_server'],
  },
  'drill-failed': {
    title: 'une restauration d’essai est restée sans verdict : {who}',
    meaning: 'Cela ne dit rien de la sauvegarde, mais sa preuve vieillit.',
    next: ['gmah-backup runs {run}'],
  },
  'restore-started': {
    title: 'une restauration a commencé : {who}',
    meaning: 'Rien d’existant n’est écrasé.',
    next: ['gmah-backup runs {run}'],
  },
  'restore-finished': {
    title: 'une restauration est finie : {who}',
    meaning: 'La base restaurée a été comparée à la sauvegarde : elles sont égales.',
    next: ['gmah-backup runs {run}'],
  },
  'restore-failed': {
    title: 'une restauration a échoué : {who}',
    meaning: 'Rien ne reste sous le nom demandé. La sauvegarde est intacte.',
    next: ['gmah-backup runs {run}'],
  },
  'run-cancelled': {
    title: 'annulé : {details}',
    meaning: 'Quelqu’un y a mis fin. Rien n’est resté à moitié fait, et on ne vous demande rien.',
    next: ['gmah-backup runs {run}'],
  },
  'backup-passed-over': {
    title: 'une restauration a pris une sauvegarde plus ancienne : {who}',
    meaning:
      'Une plus récente est abîmée. Ce qui a changé depuis l’ancienne n’est pas dans ce qui a été restauré.',
    next: ['gmah-backup runs {run}', 'gmah-backup backups {first}'],
  },
  'playbook-notice': {
    title: 'un scénario annonce : {details}',
    meaning: 'Un plan de restauration est en cours. On ne vous demande rien.',
    next: ['gmah-backup runs {run}'],
  },
  'restore-waiting': {
    title: 'une restauration en place attend une approbation : {who}',
    meaning:
      'Quelqu’un veut remplacer des données en service, une seconde personne doit être d’accord : {details}.',
    next: [
      'curl -X POST -H "Authorization: Bearer $TOKEN" "$GMAH_BACKUP_URL/v1/restores/plans/{scope}/approvals"',
    ],
  },
  'playbook-waiting': {
    title: 'un scénario attend une réponse : {cause}',
    meaning: 'Une restauration est arrêtée jusqu’à ce que quelqu’un réponde à la question.',
    next: ['gmah-backup playbook approve {scope}'],
  },
  'swap-finished': {
    title: 'une base restaurée est en service : {who}',
    meaning: 'Le client travaille dessus. L’ancienne base est gardée un temps, sous le nom donné ici.',
    next: ['gmah-backup runs {run}'],
  },
  'restore-undone': {
    title: 'une restauration a été annulée : {who}',
    meaning:
      'Le client travaille sur la base d’avant. Ce qui était restauré est gardé un temps, sous le nom donné ici.',
    next: ['gmah-backup restore list'],
  },
  'swap-repaired': {
    title: 'un échange interrompu a été remis en ordre : {who}',
    meaning: 'Regardez laquelle des deux bases le client utilise maintenant.',
    next: ['gmah-backup runs {run}', 'gmah-backup tenants'],
  },
  'snapshot-failed': {
    title: 'un serveur n’a pas de nouvel instantané : {who}',
    meaning:
      'Les anciens instantanés et les sauvegardes de nuit n’y sont pour rien. La prochaine exécution finira ce qui est commencé.',
    next: ['gmah-backup snapshot list', 'gmah-backup runs {run}'],
  },
  'snapshot-warning': {
    title: 'quelque chose à savoir sur un instantané : {who}',
    meaning: 'L’instantané est fait ; lisez ce qu’il ne contient pas, ou ce qui a échoué à côté.',
    next: ['gmah-backup runs {run}'],
  },
  'server-left-off': {
    title: 'un serveur a été arrêté pour son instantané et l’est encore : {who}',
    meaning: 'Ses clients sont absents jusqu’à ce qu’on le démarre : console Hetzner, le serveur, allumer.',
    next: ['gmah-backup runs {run}'],
  },
  'archive-failed': {
    title: 'l’archive mensuelle a échoué : {who}',
    meaning: 'Les sauvegardes de nuit n’y sont pour rien. Le mois n’a pas encore sa copie de longue durée.',
    next: ['gmah-backup runs {run}'],
  },
  'archive-incomplete': {
    title: 'il manque des fichiers à une archive : {who}',
    meaning: 'Des fichiers ont changé ou disparu pendant l’écriture ; exceptions.json, dedans, les nomme.',
    line: '− disparus, ± changés : {detail}',
    next: ['gmah-backup runs {run}'],
  },
  'archive-damaged': {
    title: 'une archive endommagée : {who}',
    meaning: 'On ne peut pas compter sur la copie de ce mois. Celles des autres mois sont peut-être saines.',
    next: ['gmah-backup runs {run}'],
  },
  'archive-unproven': {
    title: 'une archive n’a pas pu être restaurée à l’essai : {who}',
    meaning: 'Cela ne dit rien de l’archive, mais personne ne sait si elle est restaurable.',
    next: ['gmah-backup runs {run}'],
  },
  'retention-blocked': {
    title: 'la rétention n’a rien supprimé, ou pas tout ({cause})',
    meaning:
      'Rien n’est perdu : il y a plus que ce que demande la politique, jusqu’à ce que quelqu’un regarde.',
    next: ['gmah-backup runs {run}'],
  },
  'sweep-failed': {
    title: 'le ménage a échoué : {who}',
    meaning: 'Ce qui devait être supprimé est encore là. Rien de nécessaire n’a disparu.',
    next: ['gmah-backup runs {run}'],
  },
  'subject-departed': {
    title: 'sa base a disparu : {who}',
    meaning: 'Ses sauvegardes sont gardées jusque-là, quoi que dise la politique.',
    line: 'disparue depuis → gardées jusqu’au : {detail}',
    next: ['gmah-backup tenants', 'gmah-backup backups {first}'],
  },
} satisfies Record<string, RuleWords>
