// kill −9 of a process that writes to the store of a host: everything it was told to be written is there.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { HostDatabase } from '../../../src/platform/host/host-database.ts'
import { randomOf } from '../../simulation/random.ts'
import { aFolder, partsOn } from './host-parts.ts'

const writer = fileURLToPath(new URL('./endless-writer.ts', import.meta.url))
const namespace = 'default'
const kills = 12
const random = randomOf(7)

interface Acknowledged {
  readonly name: string
  readonly phase?: string
}

const { folder, remove } = aFolder()
afterAll(remove)

/** Kills it a random moment after its first word; what it said by then. */
const writeAndKill = async (): Promise<readonly Acknowledged[]> => {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'switchyard-compile-cache') }
  const child = spawn(process.execPath, [writer, folder], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    said += text
  })
  const closed = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), closed])
  await sleep(random() * 60)
  child.kill('SIGKILL')
  await closed
  const lines = said.split('\n').slice(0, -1)
  return lines.map(line => JSON.parse(line) as Acknowledged)
}

describe(`${kills} kills at any moment`, () => {
  it('20. State write survives a crash: nothing that was acknowledged is lost', async () => {
    const acknowledged = new Map<string, Acknowledged>()
    for (let kill = 0; kill < kills; kill++) {
      const said = await writeAndKill()
      expect(said.length).toBeGreaterThan(0)
      for (const one of said) acknowledged.set(one.name, one)
      const database = new HostDatabase(join(folder, 'switchyard.db'))
      const { store, journal } = partsOn(database)
      expect(database.all('PRAGMA integrity_check')).toMatchObject([{ integrity_check: 'ok' }])
      for (const { name, phase } of acknowledged.values()) {
        const model = store.getModel({ namespace, name })
        expect(model?.spec.source.ollama?.name).toBe(name)
        const whats = journal.read(model?.metadata.uid ?? '').map(({ what }) => what)
        // A status and the row that tells of it are one commit.
        expect(whats.includes('Phase')).toBe(model?.status.phase !== undefined)
        if (phase !== undefined)
          expect([model?.status.phase, whats]).toEqual([phase, ['Applied', 'Note', 'Phase']])
      }
      database.close()
    }
    expect(acknowledged.size).toBeGreaterThan(kills)
  }, 120_000)
})
