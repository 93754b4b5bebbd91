// The test cluster's keys: one authority, a certificate per component, and kubeconfig files that carry them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'

export type Keys = {
  readonly folder: string
  readonly authority: string
  /** Makes `<name>.crt` and `<name>.key`, signed for the subject. */
  certificate(name: string, subject: string, alternatives?: string): Promise<void>
  writeKubeconfig(file: string, certificate: string, server: string): void
}

const openssl = (...args: string[]) => execa('openssl', args)

export async function makeKeys(stateDir: string): Promise<Keys> {
  const folder = join(stateDir, 'pki')
  mkdirSync(folder, { recursive: true })
  const at = (file: string) => join(folder, file)
  await openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', at('ca.key'))
  const subject = ['-subj', '/CN=switchyard-test-ca', '-days', '3650']
  const usage = ['-addext', 'keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign']
  await openssl('req', '-x509', '-new', '-key', at('ca.key'), ...subject, '-out', at('ca.crt'), ...usage)
  await openssl('genrsa', '-out', at('sa.key'), '2048')
  await openssl('rsa', '-in', at('sa.key'), '-pubout', '-out', at('sa.pub'))
  return keysIn(folder)
}

function keysIn(folder: string): Keys {
  return {
    folder,
    authority: join(folder, 'ca.crt'),
    certificate: (name, subject, alternatives) => sign(folder, name, [subject, alternatives]),
    writeKubeconfig: (file, certificate, server) =>
      writeFileSync(file, kubeconfig(folder, certificate, server), { mode: 0o600 }),
  }
}

async function sign(folder: string, name: string, [subject, alternatives]: readonly (string | undefined)[]) {
  const at = (ending: string) => join(folder, `${name}.${ending}`)
  const extensions = [
    'keyUsage=critical,digitalSignature,keyEncipherment',
    'extendedKeyUsage=serverAuth,clientAuth',
    'basicConstraints=CA:FALSE',
    ...(alternatives ? [`subjectAltName=${alternatives}`] : []),
  ]
  writeFileSync(at('ext'), `${extensions.join('\n')}\n`)
  await openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', at('key'))
  await openssl('req', '-new', '-key', at('key'), '-subj', subject!, '-out', at('csr'))
  const authority = ['-CA', join(folder, 'ca.crt'), '-CAkey', join(folder, 'ca.key')]
  const validity = [
    '-set_serial',
    `0x${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`,
    '-days',
    '3650',
  ]
  await openssl(
    'x509',
    '-req',
    '-in',
    at('csr'),
    ...authority,
    ...validity,
    '-extfile',
    at('ext'),
    '-out',
    at('crt'),
  )
}

function kubeconfig(folder: string, certificate: string, server: string): string {
  const data = (file: string) => readFileSync(join(folder, file)).toString('base64')
  const user = {
    'client-certificate-data': data(`${certificate}.crt`),
    'client-key-data': data(`${certificate}.key`),
  }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': data('ca.crt') } }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  })
}
