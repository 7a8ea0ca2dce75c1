// README.txt, the first thing in an archive: for someone who has the file and a key, years from now, and nothing of ours.

interface ReadmeFacts {
  subject: string
  archive: string
  instant: string
  createdAt: string
  serverVersion: string
  database: string
  folders: readonly string[]
}

export const readmeText = (facts: ReadmeFacts): string => `${english(facts)}\n\n${french(facts)}`

function english({
  subject,
  archive,
  instant,
  createdAt,
  serverVersion,
  database,
  folders,
}: ReadmeFacts): string {
  return `LONG-TERM ARCHIVE of ${subject}, ${archive}
(texte français plus bas)

Everything that ${subject} had in the platform: its database as of ${instant}
and its files as of ${createdAt}. Made by gmah-backup, which is not needed to read it.

HOW IT WAS OPENED, AND HOW TO OPEN IT AGAIN
You need the identity file (it starts with AGE-SECRET-KEY-1), and three programs that every Linux has as a package:
age (https://age-encryption.org/v1), zstd (RFC 8878), tar.

    age -d -i identity.txt ARCHIVE.tar.zst.age | zstd -d | tar -x
    sha256sum -c --quiet SHA256SUMS

WHAT IS IN IT
README.txt       this text
manifest.json    what was archived: the backup, its tables with rows and digests, names that had to be changed
globals.sql      the database roles that own the data (PostgreSQL's SQL)
database.dump    the database in pg_dump's custom format; PostgreSQL ${serverVersion}
${folders.map(folder => `${`${folder}/`.padEnd(16)} the application's files`).join('\n')}
other-names/     files whose own name no folder can hold; manifest.json says what they were called ("otherNames")
exceptions.json  only when there is something to say: files that changed or went while the archive was made
SHA256SUMS       the SHA-256 of every file above

HOW TO GET THE DATABASE BACK
Into a PostgreSQL of version ${serverVersion} or newer:

    psql -d postgres -f globals.sql
    createdb --template template0 restored
    pg_restore --exit-on-error --single-transaction --dbname restored database.dump

It was called ${database}. Without PostgreSQL: pg_restore -f - database.dump prints all of it as SQL text.
`
}

function french({
  subject,
  archive,
  instant,
  createdAt,
  serverVersion,
  database,
  folders,
}: ReadmeFacts): string {
  return `ARCHIVE À LONG TERME de ${subject}, ${archive}

Tout ce que ${subject} avait sur la plateforme : sa base de données au ${instant}
et ses fichiers au ${createdAt}. Faite par gmah-backup, dont on n'a pas besoin pour la lire.

COMMENT L'OUVRIR
Il faut le fichier d'identité (il commence par AGE-SECRET-KEY-1) et trois programmes que tout Linux propose en paquet :
age (https://age-encryption.org/v1), zstd (RFC 8878), tar.

    age -d -i identite.txt ARCHIVE.tar.zst.age | zstd -d | tar -x
    sha256sum -c --quiet SHA256SUMS

CE QU'ELLE CONTIENT
README.txt       ce texte
manifest.json    ce qui a été archivé : la sauvegarde, ses tables avec lignes et empreintes, les noms qu'il a fallu changer
globals.sql      les rôles propriétaires des données (SQL de PostgreSQL)
database.dump    la base au format « custom » de pg_dump ; PostgreSQL ${serverVersion}
${folders.map(folder => `${`${folder}/`.padEnd(16)} les fichiers de l'application`).join('\n')}
other-names/     les fichiers dont aucun dossier ne peut porter le nom ; manifest.json le donne (« otherNames »)
exceptions.json  seulement s'il y a lieu : les fichiers modifiés ou supprimés pendant l'archivage
SHA256SUMS       le SHA-256 de chaque fichier ci-dessus

COMMENT RETROUVER LA BASE DE DONNÉES
Dans un PostgreSQL de version ${serverVersion} ou plus récente :

    psql -d postgres -f globals.sql
    createdb --template template0 restauree
    pg_restore --exit-on-error --single-transaction --dbname restauree database.dump

Elle s'appelait ${database}. Sans PostgreSQL : pg_restore -f - database.dump l'écrit en entier comme texte SQL.
`
}
