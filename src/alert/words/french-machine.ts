// What the alerts say of jobs, the daemon, keys, the store, the disk and the channels, in French.
import type { RuleWords } from './words.js'

export const FRENCH_MACHINE = {
  'job-failed': {
    title: '{cause} a échoué',
    meaning: 'La tâche n’a rien fait, ou pas tout. Ce qui était stocké reste intact.',
    next: ['gmah-backup runs {run}'],
  },
  'job-partial': {
    title: '{cause} n’a réussi qu’en partie',
    meaning: 'Une partie de la tâche n’a pas été faite.',
    next: ['gmah-backup runs {run}'],
  },
  'job-late': {
    title: '{cause} est en retard',
    line: 'dernier succès de {detail}',
    meaning: 'Son dernier succès est plus ancien que ne le permet sa fenêtre de fraîcheur.',
    next: ['gmah-backup schedules', 'gmah-backup runs'],
  },
  'run-missed': {
    title: '{cause} a été manqué',
    meaning: 'L’heure est passée sans que personne ne puisse le lancer, et sa planification ne rattrape pas.',
    next: ['gmah-backup schedules'],
  },
  'config-refused': {
    title: 'la nouvelle configuration a été refusée',
    meaning:
      'La dernière bonne reste en vigueur, même après un redémarrage. Ce que vous avez changé est sans effet.',
    next: ['gmah-backup config check'],
  },
  'lease-taken-over': {
    title: 'le bail du stockage a été repris',
    meaning:
      'Normal après un arrêt brutal ou un déménagement. Si une autre machine travaille encore, arrêtez-la.',
    next: ['gmah-backup runs'],
  },
  'lease-lost': {
    title: 'le bail du stockage a été perdu',
    meaning:
      'Le démon s’est arrêté, pour que jamais deux ne travaillent sur un stockage. Un autre tourne ? Arrêtez l’un des deux. Le stockage était absent plusieurs minutes ? PM2 le relance.',
    next: ['pm2 list', 'gmah-backup runs'],
  },
  'daemon-crashed': {
    title: 'le démon a redémarré après un arrêt brutal',
    meaning:
      'Il ne s’est pas arrêté en bon ordre. Les exécutions interrompues sont rattrapées ; elles sont nommées ici.',
    next: ['gmah-backup runs', 'pm2 logs gmah-backup'],
  },
  'keys-changed': {
    title: 'des clés ont été créées ou renouvelées',
    meaning:
      'Ces destinataires peuvent ouvrir les sauvegardes désormais. Si ce n’est pas vous, c’est quelqu’un d’autre.',
    next: ['gmah-backup keys show'],
  },
  'key-only-here': {
    title: 'une clé que seule cette machine détient',
    meaning: 'Si cette machine est perdue, personne ne peut ouvrir les sauvegardes.',
    next: ['age-keygen -o recovery.txt   # sur une autre machine', 'gmah-backup keys rotate'],
  },
  'store-unreachable': {
    title: 'le stockage est inutilisable ({cause})',
    meaning: 'Rien ne peut être sauvegardé ni restauré tant qu’il ne répond pas.',
    next: ['curl -s http://127.0.0.1:9178/readyz', 'gmah-backup config check'],
  },
  'disk-low': {
    title: 'le disque est presque plein',
    meaning:
      'Le journal et les restaurations d’essai ont besoin de place ; PostgreSQL sur ce disque s’arrêterait.',
    next: ['df -h', 'gmah-backup runs'],
  },
  'expiry-near': {
    title: 'un jeton arrive à échéance : {details}',
    meaning: 'À partir de ce jour, rien ne peut être stocké ni restauré avec lui.',
    next: [
      'créez-en un, mettez-le dans son fichier, puis : pm2 reload gmah-backup',
      'changez alerts.expiries',
    ],
  },
  'clock-jumped': {
    title: 'l’horloge a sauté',
    meaning: 'Les planifications et les instants suivent l’horloge. Vérifiez la synchronisation du temps.',
    next: ['timedatectl'],
  },
  'clock-skewed': {
    title: 'l’horloge de cette machine n’est pas celle du stockage ({details})',
    meaning:
      'Les instants des sauvegardes seraient faux ; à 15 minutes d’écart, le stockage refuse toute requête.',
    next: ['timedatectl', 'date -u'],
  },
  'alerts-broken': {
    title: 'les alertes ne peuvent plus être conservées ({cause})',
    meaning: 'Tant que ce n’est pas réparé, rien d’autre n’est dit. Les sauvegardes peuvent échouer de même.',
    next: ['df -h', 'gmah-backup alert list'],
  },
  'heartbeat-failing': {
    title: 'le signal de vie n’est pas entendu : {cause}',
    meaning:
      'Les sauvegardes n’y sont pour rien, mais qui l’attend dira bientôt qu’elles ne sont pas faites.',
    next: ['curl -v "$(cat URL_FILE)"   # son url_file dans alerts.heartbeats'],
  },
  'channel-failing': {
    title: 'les alertes ne passent pas : {cause}',
    meaning:
      'Les sauvegardes n’y sont pour rien. Ce que ce canal devait dire attend, et viendra quand il marchera.',
    next: ['gmah-backup alert test {cause}'],
  },
} satisfies Record<string, RuleWords>
