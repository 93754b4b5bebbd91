// The commands on a real API server, without an operator: what they write is what kubectl would, and who else owns a field is said.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { bundle } from '../../scripts/build.ts'
import { clusterOrSkip } from '../cluster/access.ts'
import { ensureCrds } from '../platform/kubernetes/work-cluster.ts'
import { typed } from './cli-process.ts'

const { cluster, reason, kubeconfigPath = '' } = clusterOrSkip()
const namespace = `cli-${Date.now().toString(36)}`
const folder = mkdtempSync(join(tmpdir(), 'switchyard-cli-'))
const apiVersion = 'switchyard.dev/v1alpha1'

const aModel = (name: string, spec: object = {}) => ({
  apiVersion,
  kind: 'Model',
  metadata: { name },
  spec: { source: { huggingFace: { repo: `tiny/${name}` } }, ...spec },
})
const aRuntime = (activeModel: string) => ({
  apiVersion,
  kind: 'Runtime',
  metadata: { name: 'gpu', labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps' } },
  spec: { engine: 'VLLM', activeModel, kubernetes: { deploymentName: 'vllm' } },
})

describe.skipIf(reason !== undefined)('the commands on a cluster', () => {
  let program = ''
  let removeCrds = async () => {}
  beforeAll(async () => {
    removeCrds = await ensureCrds(cluster())
    await cluster().kubectl(['create', 'namespace', namespace])
    program = await bundle(join(folder, 'switchyard.mjs'))
  })
  afterAll(async () => {
    await cluster().kubectl(['delete', 'namespace', namespace, '--wait=true', '--timeout=60s'])
    await removeCrds()
    rmSync(folder, { recursive: true, force: true })
  })

  const type = (words: readonly string[], objects?: readonly object[]) =>
    typed(program, [...words, '-n', namespace], {
      environment: { PATH: process.env['PATH'] ?? '', HOME: folder, KUBECONFIG: kubeconfigPath },
      ...(objects ? { input: objects.map(one => stringify(one)).join('---\n') } : {}),
    })
  const kubectl = (words: readonly string[], input?: string): Promise<string> =>
    cluster().kubectl([...words, '-n', namespace], input === undefined ? {} : { input })

  it('applies, and lists the rows that kubectl lists', async () => {
    const objects = [aModel('alpha'), aModel('beta')]
    expect(await type(['apply', '-f', '-'], objects)).toMatchObject({
      exitCode: 0,
      stdout: 'model/alpha created\nmodel/beta created',
    })
    expect((await type(['apply', '-f', '-'], objects)).stdout).toBe(
      'model/alpha unchanged\nmodel/beta unchanged',
    )
    const withoutAge = (text: string): string => text.replace(/ +\d+s/g, '').replace(/ +$/gm, '')
    const [ours, theirs] = await Promise.all([type(['get', 'models']), kubectl(['get', 'models'])])
    expect(withoutAge(ours.stdout)).toBe(withoutAge(theirs))
  })

  it('refuses with the sentence of the schema', async () => {
    const bad = aModel('bad', { source: { huggingFace: { repo: '../etc' } } })
    const { exitCode, stderr } = await type(['apply', '-f', '-'], [bad])
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('spec.source.huggingFace.repo')])
    const misspelt = await type(['apply', '-f', '-'], [aModel('bad', { pausd: true })])
    expect([misspelt.exitCode, misspelt.stderr]).toEqual([2, expect.stringContaining('pausd')])
  })

  it('activates, and warns when Flux will put the field back', async () => {
    const flux = ['apply', '--server-side', '--field-manager=kustomize-controller', '-f', '-']
    await kubectl(flux, stringify(aRuntime('alpha')))
    const planned = await type(['activate', 'tiny/beta', '--dry-run'])
    expect(planned.stdout).toContain('To serve beta it will:')
    const asked = await type(['activate', 'tiny/beta', '--on', 'gpu'])
    expect(asked).toMatchObject({ exitCode: 0, stdout: 'Runtime gpu is asked to serve beta' })
    expect(asked.stderr).toContain(
      'spec.activeModel of runtime/gpu belongs to Flux (apps), which will put back',
    )
    expect(await kubectl(['get', 'runtime', 'gpu', '-o', 'jsonpath={.spec.activeModel}'])).toBe('beta')
  })

  it('does not take fields of another manager, unless it is told to', async () => {
    const { kubernetes: _, ...spec } = aRuntime('alpha').spec
    const mine = { ...aRuntime('alpha'), spec: { ...spec, kubernetes: { deploymentName: 'other' } } }
    const refused = await type(['apply', '-f', '-'], [mine])
    expect(refused.exitCode).toBe(3)
    expect(refused.stderr).toContain('kustomize-controller')
    expect(refused.stderr).toContain('--force')
    expect(await type(['apply', '--force', '-f', '-'], [mine])).toMatchObject({ exitCode: 0 })
  })

  it('changes by file what it changed by request', async () => {
    await type(['pause', 'model/alpha'])
    await type(['apply', '-f', '-'], [aModel('alpha', { paused: true })])
    await type(['resume', 'model/alpha'])
    expect(await type(['apply', '-f', '-'], [aModel('alpha', { paused: true })])).toMatchObject({
      exitCode: 0,
      stdout: 'model/alpha configured',
    })
  })

  it('asks, describes, tells that there is no engine, and deletes', async () => {
    expect((await type(['retry', 'gpu'])).exitCode).toBe(0)
    expect((await type(['describe', 'gpu'])).stdout).toMatch(/^Wanted: +alpha$/m)
    expect(await type(['logs', 'gpu'])).toMatchObject({
      exitCode: 2,
      stderr: 'switchyard: Deployment other does not exist',
    })
    expect((await type(['events'])).exitCode).toBe(0)
    expect((await type(['delete', 'model/beta'])).stdout).toBe('model/beta deleted')
    expect((await type(['get', '-o', 'name'])).stdout).toBe('runtime/gpu\nmodel/alpha')
    expect((await type(['get', '-o', 'yaml'])).stdout).not.toContain('managedFields')
  })

  it('says which context there is, and that nobody answers', async () => {
    const { exitCode, stderr } = await type(['get', '--context', 'elsewhere'])
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringContaining('the kubeconfig has no context elsewhere; it has'),
    ])
  })
})
