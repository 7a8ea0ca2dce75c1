// A platform that lives for a year: tenants come, change, fail, are renamed and leave. What happens is decided by a seed.

import type { BackupKind, Manifest } from '../../src/domain/manifest.js'
import { GLOBALS, type SubjectId, tenantSubject } from '../../src/domain/subject.js'
import type { Dice } from './dice.js'
import type { Past } from './kept-oracle.js'
import { noise } from './noise.js'
import { PIECE_BYTES } from './plain-backup.js'
import type { Sweeping } from './sweeping.js'

export interface Life {
  subject: SubjectId
  /** One number a piece of its data. */
  seeds: number[]
  /** What the store should have of it. */
  past: Past[]
  manifests: Map<string, Manifest>
  failed: boolean
  /** Milliseconds since 1970: the first sweep that missed it. */
  departed: number | null
  gone: boolean
}

const PIECES = 8

export class PlatformYear {
  readonly lives: Life[] = []
  /** Chunks of nights that died, since they were last looked at. */
  orphans: { subject: SubjectId; chunks: string[] }[] = []
  readonly #roll: Dice
  readonly #here: Sweeping
  #names = 0
  #seed = 1

  constructor(here: Sweeping, roll: Dice, tenants: number) {
    this.#here = here
    this.#roll = roll
    this.lives.push(this.#life(GLOBALS))
    for (let tenant = 0; tenant < tenants; tenant++) this.#arrive()
  }

  get living(): Life[] {
    return this.lives.filter(life => !life.gone)
  }

  /** A working day, and the night after it. */
  async night(tick: (ms: number) => void): Promise<void> {
    this.#happenings()
    for (const life of this.living) {
      tick(1000)
      for (let piece = 0; piece < 2; piece++) this.#change(life)
      if (this.#roll() < 0.04) await this.#dieHalfWay(life)
      else await this.#backUp(life, 'scheduled')
      if (this.#roll() < 0.03) {
        tick(1000)
        await this.#backUp(life, this.#roll() < 0.5 ? 'manual' : 'before-restore')
      }
    }
  }

  bytesOf(life: Life): Buffer {
    return Buffer.concat([noise(64, 0), ...life.seeds.map(seed => noise(PIECE_BYTES, seed))])
  }

  /** One that was renamed goes on under another name, with the same data. */
  #happenings(): void {
    const [one] = this.living.filter(life => life.subject !== GLOBALS).sort(() => this.#roll() - 0.5)
    const what = this.#roll()
    if (!one || what > 0.06) return
    if (what < 0.02) {
      this.#leave(one)
      this.#arrive(one.seeds)
    } else if (what < 0.04) this.#leave(one)
    else this.#arrive()
  }

  #arrive(seeds?: number[]): void {
    const name = `tenant ${this.#names++}`
    this.lives.push(this.#life(tenantSubject(name, name).id, seeds))
  }

  #leave(life: Life): void {
    life.gone = true
    this.#here.present.delete(life.subject)
  }

  #life(subject: SubjectId, seeds = Array.from({ length: PIECES }, () => this.#seed++)): Life {
    const more = { failed: false, departed: null, gone: false }
    return { subject, seeds: [...seeds], past: [], manifests: new Map(), ...more }
  }

  #change(life: Life): void {
    life.seeds[Math.floor(this.#roll() * PIECES)] = this.#seed++
  }

  async #backUp(life: Life, kind: BackupKind): Promise<void> {
    const manifest = await this.#here.backUp(life.subject, this.bytesOf(life), kind)
    const at = Date.parse(manifest.instant)
    life.past.push({ id: manifest.backup, at, kind, pinned: false, proven: false })
    life.manifests.set(manifest.backup, manifest)
    life.failed = false
  }

  /** Its chunks are stored, its manifest is not. */
  async #dieHalfWay(life: Life): Promise<void> {
    if (life.past.length > 0) {
      const { chunks } = await this.#here.storeOnly(life.subject, this.bytesOf(life))
      this.orphans.push({ subject: life.subject, chunks: chunks.map(chunk => chunk.id) })
    }
    this.#here.present.add(life.subject)
    this.#here.fail(life.subject)
    life.failed = true
  }
}
