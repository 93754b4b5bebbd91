// Three real operators on a real API server: each way to lose the Lease, the handover times, and what the audit log says of the loser.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle } from '../../scripts/build.ts'
import { Client } from '../../src/platform/kubernetes/kernel/client.ts'
import type { Lease } from '../../src/platform/kubernetes/kernel/lease-record.ts'
import { LEASE, MODEL } from '../../src/platform/kubernetes/kernel/resources.ts'
import { Transport } from '../../src/platform/kubernetes/kernel/transport.ts'
import { clusterOrSkip } from '../cluster/access.ts'
import type { AuditEvent } from '../cluster/attached.ts'
import {
  AuditTail,
  decidedAt,
  isAccepted,
  isLeaseWrite,
  isWrite,
  Replica,
  system,
  until,
  watched,
} from './election-replicas.ts'

const { cluster, reason } = clusterOrSkip()
const chart = new URL('../../charts/switchyard', import.meta.url).pathname
const models = ['one', 'two', 'three', 'four']
const at = { namespace: system, name: 'switchyard' }

const aModel = (name: string) => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Model',
  metadata: { name, namespace: watched },
  spec: { source: { huggingFace: { repo: 'tiny/one' } }, paused: true },
})

describe.skipIf(reason !== undefined)('Of three operators', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-election-'))
  const stopEdits = new AbortController()
  let transport: Transport
  let client: Client
  let replicas: readonly Replica[]
  let edits: Promise<void>

  const holder = async (): Promise<string> =>
    (await client.find<Lease>(LEASE, at))?.spec?.holderIdentity ?? ''
  const leader = async (): Promise<Replica> => {
    const name = (await holder()).split('_')[0]
    return replicas.find(({ user }) => user.endsWith(`:${name}`))!
  }

  /** Somebody edits all the time, so that whoever leads has something to write at every moment. */
  const edit = async (): Promise<void> => {
    for (let n = 0; !stopEdits.signal.aborted; n++) {
      const deletionPolicy = n % 2 === 0 ? 'Retain' : 'Delete'
      for (const name of models)
        await client
          .mergePatch(MODEL, { namespace: watched, name, patch: { spec: { deletionPolicy } } })
          .catch(() => undefined)
      await sleep(100)
    }
  }

  beforeAll(async () => {
    const { kubectl, helm, kubeconfigPath } = cluster()
    const target = join(folder, 'switchyard.mjs')
    const config = new KubeConfig()
    config.loadFromString(readFileSync(kubeconfigPath, 'utf8'))
    transport = new Transport(config)
    client = new Client(transport)
    await bundle(target)
    // The chart's CRDs and rights, and none of its pods.
    const install = ['upgrade', '--install', 'switchyard', chart, '-n', system, '--create-namespace']
    await helm([...install, '--set', 'replicas=0'])
    const items = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: watched } },
      ...models.map(aModel),
    ]
    await kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    })
    const place = { bundle: target, folder }
    replicas = ['operator-0', 'operator-1', 'operator-2'].map(name => new Replica(name, cluster(), place))
    for (const replica of replicas) await replica.register()
    await Promise.all(replicas.map(replica => replica.start()))
    edits = edit()
    const began = new AuditTail(cluster().auditLogPath)
    await until('somebody leads and writes', () => began.events().some(isByReplica))
  })

  afterAll(async () => {
    stopEdits.abort()
    await edits
    for (const replica of replicas ?? []) replica.signal('SIGKILL')
    for (const name of models)
      await client
        .mergePatch(MODEL, { namespace: watched, name, patch: { metadata: { finalizers: null } } })
        .catch(() => undefined)
    await cluster().kubectl(['delete', 'namespace', watched, '--wait=false'])
    await cluster().helm(['uninstall', 'switchyard', '-n', system, '--ignore-not-found'])
    await transport.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const isByReplica = (event: AuditEvent): boolean =>
    isWrite(event) && replicas.some(({ user }) => user === event.user.username)

  const userOf = ({ user }: AuditEvent): string => user.username

  interface Handover {
    readonly loser: Replica
    readonly audit: AuditTail
    readonly beganAt: number
    /** when the API server accepted the Lease of the next one */
    readonly acquiredAt: number
    readonly wroteAt: number
  }

  /** Does it to the leader, and waits until another one has acquired the Lease and written something. */
  const depose = async (does: (loser: Replica) => unknown): Promise<Handover> => {
    const loser = await leader()
    const audit = new AuditTail(cluster().auditLogPath)
    const isByNext = ({ user }: AuditEvent): boolean =>
      user.username !== loser.user && replicas.some(replica => replica.user === user.username)
    const ofNext = () => audit.events().filter(event => isByNext(event) && isAccepted(event))
    const beganAt = Date.now()
    await does(loser)
    await until('the next one writes', () => ofNext().some(isWrite))
    const [acquisition] = ofNext().filter(isLeaseWrite)
    const [write] = ofNext().filter(isWrite)
    return {
      loser,
      audit,
      beganAt,
      acquiredAt: decidedAt(acquisition!),
      wroteAt: decidedAt(write!),
    }
  }

  const print = (what: string, { beganAt, acquiredAt, wroteAt }: Handover): void =>
    console.log(
      `${what}: the next one acquired the Lease after ${acquiredAt - beganAt} ms and wrote ${wroteAt - acquiredAt} ms later`,
    )

  /** Of the loser, decided after the next one had acquired the Lease. */
  const lateWrites = ({ loser, audit, acquiredAt }: Handover): string[] =>
    audit
      .events()
      .filter(event => event.user.username === loser.user && isWrite(event) && isAccepted(event))
      .filter(event => decidedAt(event) > acquiredAt)
      .map(event => `${event.verb} ${event.requestURI} at ${event.stageTimestamp}`)

  /** As kubelet starts a container again. */
  const restart = async (loser: Replica): Promise<void> => {
    await until('the loser has ended', () => !loser.isAlive)
    await loser.start()
  }

  it('one that ends in order is followed at once, by one whose caches are warm', async () => {
    const handover = await depose(loser => loser.signal('SIGTERM'))
    print('SIGTERM', handover)
    expect(handover.acquiredAt - handover.beganAt).toBeLessThan(5_000)
    await restart(handover.loser)
    expect(lateWrites(handover)).toEqual([])
    const { user } = await leader()
    const filled = handover.audit
      .events()
      .filter(event => event.user.username === user && ['list', 'watch'].includes(event.verb))
      .filter(event => Date.parse(event.requestReceivedTimestamp) > handover.beganAt)
    expect(filled.map(event => event.requestURI)).toEqual([])
  })

  it('one that is killed is followed when its Lease has run out', async () => {
    const handover = await depose(loser => loser.signal('SIGKILL'))
    print('SIGKILL', handover)
    expect(handover.acquiredAt - handover.beganAt).toBeLessThan(25_000)
    expect(lateWrites(handover)).toEqual([])
    await restart(handover.loser)
  })

  it('one that was stopped past its Lease writes nothing when it goes on, and ends', async () => {
    const handover = await depose(loser => loser.signal('SIGSTOP'))
    print('SIGSTOP', handover)
    const continued = new AuditTail(cluster().auditLogPath)
    handover.loser.signal('SIGCONT')
    await until('the loser has ended', () => !handover.loser.isAlive)
    expect(handover.loser.log).toContain('no longer leading')
    const sent = continued.events().filter(event => event.user.username === handover.loser.user)
    expect(sent.filter(isWrite)).toEqual([])
    expect(lateWrites(handover)).toEqual([])
    await restart(handover.loser)
  })

  it('the one whose Lease was deleted makes it again and goes on; at no time do two write', async () => {
    const before = await holder()
    const audit = new AuditTail(cluster().auditLogPath)
    const beganAt = Date.now()
    await client.delete(LEASE, at)
    await until('the Lease is there again', async () => (await holder()) !== '')
    const isMade = (event: AuditEvent) => event.verb === 'create' && isLeaseWrite(event) && isAccepted(event)
    const madeAt = decidedAt(audit.events().find(isMade)!)
    const renewals = () =>
      audit.events().filter(event => isLeaseWrite(event) && isAccepted(event) && decidedAt(event) > madeAt)
    await until('it was renewed twice', () => renewals().length >= 2)
    // On a machine that stands still for seconds a follower makes it; it must not write for a whole lease time then.
    const by = (await holder()) === before ? 'its holder' : 'a follower, because its holder was too slow'
    console.log(`Lease deleted: made again by ${by} after ${madeAt - beganAt} ms`)
    const writers = new Set(audit.events().filter(isByReplica).filter(isAccepted).map(userOf))
    expect(writers.size).toBeLessThanOrEqual(1)
  })

  it('one whose name was wiped out of the Lease by hand ends, and nobody writes before it must have noticed', async () => {
    const handover = await depose(() =>
      client.mergePatch(LEASE, { ...at, patch: { spec: { holderIdentity: '' } } }),
    )
    print('Lease edited by hand', handover)
    await restart(handover.loser)
    expect(lateWrites(handover)).toEqual([])
  })
})
