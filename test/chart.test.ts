// The chart, rendered by the real helm: goldens for three sets of values, what is refused, and what no manifest may hold.
// Write the goldens anew with UPDATE_GOLDEN=1.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { root } from '../scripts/crds.ts'
import { operatorFlags } from '../src/program/node-flags.ts'

const findHelm = (): string | undefined => {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map(folder => join(folder, 'helm'))
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const cached = globSync(join(cache, 'switchyard/cluster/*/bin/helm'))
  return [process.env['HELM'] ?? '', ...onPath, ...cached].find(file => file && existsSync(file))
}

const helm = findHelm()
if (!helm)
  console.log('Chart tests are left out: there is no helm on PATH, in $HELM or among the cached programs.')

const chart = join(root, 'charts/switchyard')
const golden = (name: string) => join(root, 'test/golden/chart', name)
const call = (...args: string[]) => execa(helm ?? '', args, { reject: false })
const render = (values: string, ...more: string[]) =>
  call(
    'template',
    'switchyard',
    chart,
    '-n',
    'switchyard-system',
    '-f',
    golden(`${values}.values.yaml`),
    ...more,
  )

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> }
  readonly rules?: readonly {
    readonly apiGroups: string[]
    readonly resources: string[]
    readonly verbs: string[]
  }[]
  readonly spec?: { readonly template?: { readonly spec: Record<string, unknown> } }
}

const manifestsOf = async (values: string, ...more: string[]): Promise<Manifest[]> => {
  const { stdout } = await render(values, ...more)
  return parseAllDocuments(stdout)
    .map(document => document.toJS() as Manifest | null)
    .filter(manifest => manifest !== null)
}

const sets = ['default', 'full', 'namespaced']

describe.skipIf(!helm)('The chart', () => {
  it.each(sets)('passes the strict lint with the values "%s"', async values => {
    const { stdout, exitCode } = await call('lint', '--strict', chart, '-f', golden(`${values}.values.yaml`))
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('0 chart(s) failed')])
  })

  it.each(sets)('renders the golden manifests with the values "%s"', async values => {
    const { stdout, stderr } = await render(values)
    expect(stderr).toBe('')
    const text = withoutCrds(stdout)
    if (process.env['UPDATE_GOLDEN']) writeFileSync(golden(`${values}.yaml`), text)
    expect(text).toBe(readFileSync(golden(`${values}.yaml`), 'utf8'))
  })

  it('brings the CRDs by default, kept when the release goes', async () => {
    const crds = (await manifestsOf('default')).filter(
      manifest => manifest.kind === 'CustomResourceDefinition',
    )
    expect(crds.map(crd => crd.metadata.name)).toEqual(['models.switchyard.dev', 'runtimes.switchyard.dev'])
    for (const crd of crds) expect(crd.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' })
    const without = await manifestsOf('default', '--set', 'crds.install=false')
    expect(without.filter(manifest => manifest.kind === 'CustomResourceDefinition')).toEqual([])
  })

  it.each(sets)('grants no right on Secrets and no wildcard with the values "%s"', async values => {
    const rules = (await manifestsOf(values)).flatMap(manifest => manifest.rules ?? [])
    expect(rules.length).toBeGreaterThan(5)
    const words = rules.flatMap(rule => [...rule.apiGroups, ...rule.resources, ...rule.verbs])
    expect(words).not.toContain('*')
    expect(words.filter(word => word.startsWith('secrets'))).toEqual([])
  })

  it('grants nothing outside one namespace in the namespaced mode', async () => {
    const kinds = (await manifestsOf('namespaced')).map(manifest => manifest.kind)
    expect(kinds.filter(kind => kind.startsWith('Cluster'))).toEqual([])
  })

  it('starts its operator as one is measured', async () => {
    const { stdout } = await render('default')
    const command = ['/usr/bin/node', ...operatorFlags, '/app/switchyard.mjs']
    expect(stdout).toContain(`command: ${JSON.stringify(command).replaceAll(',', ', ')}`)
  })

  it('gives workers what its values say, as one JSON text', async () => {
    const { stdout } = await render('full')
    const line = /SWITCHYARD_WORKER_OVERLAY\n\s+value: (.*)/.exec(stdout)?.[1] ?? ''
    expect(JSON.parse(JSON.parse(line))).toEqual({
      labels: { team: 'llm' },
      annotations: { 'sidecar.istio.io/inject': 'false' },
      resources: { limits: { memory: '1Gi' } },
      securityContext: { runAsUser: 1000 },
      imagePullSecrets: [{ name: 'pull' }],
      priorityClassName: 'low',
      nodeSelector: { pool: 'cpu' },
      tolerations: [{ key: 'pool', operator: 'Exists' }],
      dnsPolicy: 'Default',
      env: {
        NODE_OPTIONS: '--max-old-space-size=512',
        HTTPS_PROXY: 'http://proxy.example:3128',
        NO_PROXY: '10.0.0.0/8,.svc',
      },
      caConfigMap: { name: 'corporate-ca', key: 'ca.crt' },
    })
  })

  it.each([
    ['colour=red', 'colour'],
    ['worker.color=red', 'color'],
    ['replicas=-1', 'replicas'],
    ['log.level=loud', 'level'],
    ['hub.endpoint=ftp://x', 'endpoint'],
    ['hub.endpoint=https://user:pw@x', 'endpoint'],
    ['image.digest=sha256:12', 'digest'],
  ])('refuses the value %s and names it', async (value, field) => {
    const { exitCode, stderr } = await render('default', '--set', value)
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(field)])
  })

  it('asks for the name of a ServiceAccount that it does not make', async () => {
    const { stderr } = await render('default', '--set', 'serviceAccount.create=false')
    expect(stderr).toContain('serviceAccount.name is needed')
  })
})

/** The CRDs have their own golden files in crds/. */
const withoutCrds = (text: string): string =>
  text
    .split(/^---\n/m)
    .filter(part => !part.includes('kind: CustomResourceDefinition'))
    .join('---\n')
