// Databases and statements live as long as the process (src/sys/sqlite.ts says why).
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { JOURNAL_MIGRATIONS } from '../../src/jobs/journal-schema.js'
import { openSqlite } from '../../src/sys/sqlite.js'
import { tempFolder } from '../kit/state.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

test('neither a database nor a statement is collected, also when both were let go', async () => {
  const forgotten = (() => {
    const db = openSqlite(join(tempFolder(), 'x.sqlite'), JOURNAL_MIGRATIONS)
    const some = [db, db.prepare('select 1'), db.prepare('select 2'), {}].map(one => new WeakRef<object>(one))
    db.transaction(() => db.prepare('select 1').get())()
    db.close()
    return some
  })()
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(setImmediate)
    collect()
  }
  expect(forgotten.map(one => one.deref() !== undefined)).toEqual([true, true, true, false])
})

test('a statement is prepared once for its text', () => {
  const db = openSqlite(join(tempFolder(), 'x.sqlite'), JOURNAL_MIGRATIONS)
  expect(db.prepare('select 1')).toBe(db.prepare('select 1'))
  expect(db.prepare('select 1')).not.toBe(db.prepare('select 2'))
  db.close()
})

test('no source makes a statement that nobody can keep', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(path =>
    path.endsWith('.ts'),
  )
  const makers = sources.filter(path => /\.(pragma|iterate)\(/.test(readFileSync(join('src', path), 'utf8')))
  expect(makers).toEqual([])
})
