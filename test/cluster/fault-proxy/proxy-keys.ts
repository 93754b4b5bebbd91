// The proxy's own certificate, and a kubeconfig that leads to it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

export interface ProxyKeys {
  readonly cert: string
  readonly key: string
}

/** Signed by itself, for the loopback address alone. */
export async function makeProxyKeys(): Promise<ProxyKeys> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-proxy-'))
  const at = (name: string) => join(folder, name)
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const whose = ['-subj', '/CN=fault-proxy', '-addext', 'subjectAltName=IP:127.0.0.1']
  try {
    await execa('openssl', ['req', '-x509', ...kind, ...whose, '-keyout', at('key'), '-out', at('cert')])
    return { cert: readFileSync(at('cert'), 'utf8'), key: readFileSync(at('key'), 'utf8') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Whoever comes through the proxy acts as the proxy's own user, so any token will do. */
export const proxyKubeconfig = (server: string, { cert }: ProxyKeys): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'proxy',
        cluster: { server, 'certificate-authority-data': Buffer.from(cert).toString('base64') },
      },
    ],
    users: [{ name: 'proxy', user: { token: 'through-the-proxy' } }],
    contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'proxy' } }],
    'current-context': 'proxy',
  })
