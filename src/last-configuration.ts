// The configuration that was last good, kept in the state directory. `pm2 reload` starts a new process: a slip in a file would
// otherwise end all nights, and nobody would be there to say so.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { findFile, type LoadedConfig, loadConfig } from './config.js'
import { configurationSchema } from './domain/configuration-schema.js'
import { asFailure, type Failure } from './domain/errors.js'
import { readText } from './sys/texts.js'

export interface Standing extends LoadedConfig {
  /** Why the files as they are now are not what is in force; null: they are. */
  refused: Failure | null
}

const keptSchema = z.strictObject({ file: z.string(), texts: z.record(z.string(), z.string()) })

/**
 * The configuration, or the one that was last good when it is refused.
 * @throws Failure config-missing; config-invalid when there was none before, or its secrets cannot be read any more.
 */
export function loadStanding(path?: string): Standing {
  try {
    return { ...loadConfig(path === undefined ? {} : { path }), refused: null }
  } catch (thrown) {
    const refused = asFailure(thrown)
    const last = refused.code === 'config-invalid' ? loadLast(findFile(path)) : null
    if (!last) throw thrown
    return { ...last, refused }
  }
}

/** Keeps what the files said, and no secret that is in a file of its own. @throws Error of the disk. */
export function keepConfiguration({ config, texts }: LoadedConfig): void {
  const file = keptFile(config.stateDirectory)
  const part = `${file}.part`
  const kept: z.input<typeof keptSchema> = { file: config.file, texts: Object.fromEntries(texts) }
  mkdirSync(config.stateDirectory, { recursive: true, mode: 0o700 })
  writeFileSync(part, JSON.stringify(kept), { mode: 0o600 })
  renameSync(part, file)
}

const keptFile = (stateDirectory: string): string => join(stateDirectory, 'last-configuration.json')

function loadLast(file: string): LoadedConfig | null {
  try {
    const kept = keptSchema.parse(JSON.parse(readFileSync(keptFile(stateDirectoryOf(file)), 'utf8')))
    return kept.file === file ? loadConfig({ path: file, texts: new Map(Object.entries(kept.texts)) }) : null
  } catch {
    // Whatever is wrong with it: what is wrong with the files of now is what has to be told.
    return null
  }
}

/** By the line alone, because the file may be no YAML any more. */
function stateDirectoryOf(file: string): string {
  const [, named] = /^state_directory:[ \t]*["']?([^"'#\r\n]*[^"'#\s])/m.exec(readText(file)) ?? []
  return resolve(dirname(file), named ?? configurationSchema.shape.state_directory.parse(undefined))
}
