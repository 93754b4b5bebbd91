// The faults that `switchyard doctor` knows: each is brought about on a host where nothing is wrong, and named with its cause and what to do.
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createSocketServer } from 'node:net'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { doctor } from '../../../src/cli/doctor/doctor.ts'
import { printFindings, toJson } from '../../../src/cli/doctor/print-findings.ts'
import type { World } from '../../../src/cli/doctor/world.ts'
import { freePort } from '../../stand-ins/engine/start.ts'
import { aModel, type Host, openHealthyHost, token } from './sick-host.ts'

/** What is changed of the world beside what the seed did. */
type Seed = (host: Host) => Partial<World> | Promise<Partial<World>>

const withPlaces =
  (more: (host: Host) => object | Promise<object>): Seed =>
  async host => ({ settings: { ...host.places, ...(await more(host)) } })

const withEnvironment = ({ at }: Host, more: Readonly<Record<string, string>>): Partial<World> => ({
  environment: { PATH: at('bin'), ...more },
})

const disk = { fstype: 'ext4', sizeBytes: 100 * 1024 ** 3, availableBytes: 50 * 1024 ** 3 }
const onModels =
  (figures: object): Seed =>
  ({ at }) => ({ readDisk: async folder => (folder === at('models') ? { ...disk, ...figures } : disk) })

const systemd = (host: Host, name: 'systemctl' | 'loginctl', said: string): Partial<World> => {
  const healthy = { systemctl: 'LoadState=loaded\nActiveState=active\n', loginctl: 'Linger=yes\n' }
  for (const [program, text] of Object.entries({ ...healthy, [name]: said }))
    host.program(program, `process.stdout.write(${JSON.stringify(text)})`)
  const { ask, environment } = host.world()
  const run = (program: string, words: readonly string[]) => ask(host.at('bin', program), words)
  return { hasSystemd: true, uid: 1_000, environment, ask: run }
}

/** A process of somebody else, until the host is closed. */
const aStranger = async ({ later }: Host, script: string, words: readonly string[] = []): Promise<number> => {
  const child = execa(process.execPath, ['-e', script, ...words], { reject: false })
  later(() => child.kill('SIGKILL'))
  await new Promise(resolve => child.stdout.once('data', resolve))
  return child.pid ?? 0
}

const aTlsHub = async ({ at, later }: Host, days: number): Promise<string> => {
  const [key, cert] = [at('hub.key'), at('hub.crt')]
  const how = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=127.0.0.1',
    '-days',
    String(days),
  ]
  await execa('openssl', [...how, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert])
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) })
  later(() => server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

const aModelWithToken = (host: Host, text: string): void => {
  host.write('model.yaml', aModel({ tokenSecretRef: { name: 'hub', key: 'token' } }))
  mkdirSync(host.at('secrets', 'hub'), { recursive: true })
  writeFileSync(host.at('secrets', 'hub', 'token'), text, { mode: 0o600 })
}

const aSocket = ({ places, later }: Host): Promise<void> =>
  new Promise(resolve => {
    const server = createSocketServer().listen(places.socket, resolve)
    later(() => server.close())
  })

const rows: readonly (readonly [fault: string, seed: Seed, check: string, message: RegExp, fix: RegExp])[] = [
  [
    'Node is too old',
    () => ({ nodeVersion: '20.11.1' }),
    'Node',
    /this is Node 20\.11\.1; a host needs 24/,
    /install Node 24/,
  ],
  [
    'a setting cannot be read',
    () => ({ settings: { refused: 'SWITCHYARD_WORKERS: too big' } }),
    'Settings',
    /SWITCHYARD_WORKERS/,
    /docs\/host\.md/,
  ],
  [
    'too few files may be open',
    () => ({ limits: 'Max open files            1024                 1024                 files' }),
    'Open files',
    /at most 1024/,
    /LimitNOFILE/,
  ],
  [
    'the state folder cannot be written to',
    withPlaces(() => ({ stateFolder: '/proc', socket: '/proc/none' })),
    'State folder',
    /\/proc cannot be written to by user \d+/,
    /chown/,
  ],
  [
    'a file is where the state folder should be',
    withPlaces(({ at }) => {
      writeFileSync(at('file'), '')
      return { stateFolder: at('file') }
    }),
    'State folder',
    /file is in the way/,
    /mv /,
  ],
  [
    'a models folder is missing',
    ({ at }) => {
      rmSync(at('models'), { recursive: true })
      return {}
    },
    'Models folder',
    /models does not exist/,
    /mount the disk .* mkdir -p/,
  ],
  [
    'a models folder cannot be written to',
    ({ write, runtime }) => {
      write('runtime.yaml', runtime({ storage: { directory: '/proc/sys' } }))
      return {}
    },
    'Models folder',
    /\/proc\/sys cannot be written to by user \d+ \(E/,
    /chown|remount/,
  ],
  [
    'the disk of the models is full',
    onModels({ availableBytes: 5 * 1024 ** 2 }),
    'Models folder',
    /is full: 0\.0 GiB of 100 GiB free/,
    /delete a Model/,
  ],
  [
    'the disk of the models has no inodes',
    onModels({ files: 65_536, filesFree: 0 }),
    'Models folder',
    /0 inodes left of 65536, though 50 GiB/,
    /inodes/,
  ],
  [
    'the disk of the models does not answer',
    ({ at }) => ({ readDisk: async folder => (folder === at('models') ? undefined : disk) }),
    'Models folder',
    /does not answer/,
    /dmesg/,
  ],
  [
    'the models stand in memory',
    onModels({ fstype: 'tmpfs' }),
    'Models folder',
    /is memory \(tmpfs\)/,
    /on a disk/,
  ],
  [
    'the store is damaged',
    ({ at }) => {
      writeFileSync(at('state', 'switchyard.db'), 'no database at all, and long enough to be one'.repeat(100))
      return {}
    },
    'Store',
    /is damaged: file is not a database/,
    /mv /,
  ],
  [
    'the store is of a newer version',
    ({ at }) => {
      const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
      const database = new DatabaseSync(at('state', 'switchyard.db'))
      database.exec('PRAGMA user_version = 999')
      database.close()
      return {}
    },
    'Store',
    /written by a newer switchyard \(schema 999, known \d+\)/,
    /newer one/,
  ],
  [
    'another program has the store open',
    async host => {
      await aStranger(
        host,
        `require('node:fs').openSync(${JSON.stringify(host.at('state', 'switchyard.db'))}); console.log(1); setInterval(() => {}, 1000)`,
      )
      return {}
    },
    'Store',
    /in use by .*node.* \(PID \d+\), which is no switchyard host/,
    /kill \d+/,
  ],
  [
    'the socket is left from a daemon that is gone',
    async host => {
      // A socket stays where its process is killed.
      const script = `require('node:net').createServer().listen(${JSON.stringify(host.places.socket)}, () => process.kill(process.pid, 'SIGKILL'))`
      await execa(process.execPath, ['-e', script], { reject: false })
      return {}
    },
    'Socket',
    /is left from a daemon that is gone \(ECONNREFUSED\)/,
    /switchyard host/,
  ],
  [
    'the socket is of another user',
    async host => {
      await aSocket(host)
      if (process.getuid?.() === 0) chownSync(host.places.socket, 65_534, 65_534)
      return process.getuid?.() === 0 ? {} : { uid: 65_534 }
    },
    'Socket',
    /belongs to user \d+ and not to \d+/,
    /SWITCHYARD_SOCKET/,
  ],
  [
    'the daemon runs without its socket',
    async host => {
      const file = JSON.stringify(host.at('state', 'switchyard.db'))
      await aStranger(
        host,
        `require('node:fs').openSync(${file}); console.log(1); setInterval(() => {}, 1000)`,
        ['host'],
      )
      return {}
    },
    'Socket',
    /the daemon runs, and .* is not there/,
    /restart/,
  ],
  [
    'a manifest breaks a rule',
    ({ write }) => {
      write('bad.yaml', aModel({ repo: '../etc' }))
      return {}
    },
    'Manifests',
    /bad\.yaml: Model qwen: spec\.source\.huggingFace\.repo/,
    /correct the file/,
  ],
  [
    'a secret can be read by others',
    host => {
      aModelWithToken(host, token)
      chmodSync(host.at('secrets', 'hub', 'token'), 0o644)
      return {}
    },
    'Secrets',
    /hub\/token can be read by others/,
    /chmod 600 .*hub\/token/,
  ],
  [
    'the engine is not installed',
    ({ at }) => {
      rmSync(at('bin', 'vllm'))
      return {}
    },
    'Engine of gpu-a',
    /program vllm is not found/,
    /pip install vllm/,
  ],
  [
    'a stranger has the port',
    async host => {
      await aStranger(
        host,
        `require('node:net').createServer().listen(${host.enginePort}, '127.0.0.1', () => console.log(1))`,
      )
      return {}
    },
    'Port of gpu-a',
    /is taken by .* \(PID \d+\), which switchyard did not start/,
    /kill \d+/,
  ],
  [
    'nvidia-smi fails',
    ({ say }) => {
      say({ failure: { said: 'Failed to initialize NVML: Driver/library version mismatch\n', code: 18 } })
      return {}
    },
    'GPU',
    /nvidia-smi failed: Failed to initialize NVML/,
    /reboot/,
  ],
  [
    'nvidia-smi shows no GPU',
    ({ say }) => {
      say({ gpus: '' })
      return {}
    },
    'GPU',
    /shows no GPU/,
    /lspci/,
  ],
  [
    'the unit is masked',
    host => systemd(host, 'systemctl', 'LoadState=masked\nActiveState=inactive\n'),
    'Unit',
    /is masked/,
    /systemctl --user unmask switchyard\.service/,
  ],
  [
    'the unit does not exist',
    host => systemd(host, 'systemctl', 'LoadState=not-found\nActiveState=inactive\n'),
    'Unit',
    /does not exist/,
    /switchyard install --user/,
  ],
  [
    'the unit failed',
    host => systemd(host, 'systemctl', 'LoadState=loaded\nActiveState=failed\nResult=exit-code\n'),
    'Unit',
    /failed \(exit-code\)/,
    /journalctl --user -u/,
  ],
  [
    'the user does not linger',
    host => systemd(host, 'loginctl', 'Linger=no\n'),
    'Lingering',
    /ends when the last session does/,
    /loginctl enable-linger/,
  ],
  [
    'the hub is not known to the DNS',
    withPlaces(() => ({ hubEndpoint: 'http://hub.invalid' })),
    'Hub',
    /hub\.invalid is not known to the DNS/,
    /resolv\.conf/,
  ],
  [
    'the hub does not listen',
    withPlaces(async () => ({ hubEndpoint: `http://127.0.0.1:${await freePort()}` })),
    'Hub',
    /cannot be reached \(ECONNREFUSED\)/,
    /HTTPS_PROXY/,
  ],
  [
    'the proxy does not listen',
    async host => withEnvironment(host, { http_proxy: `http://127.0.0.1:${await freePort()}` }),
    'Hub',
    /the proxy .* does not let us through \(ECONNREFUSED\)/,
    /NO_PROXY=127\.0\.0\.1/,
  ],
  [
    'the proxy wants a password',
    async host => {
      const server = createServer().on('connect', (_, socket) =>
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
      )
      host.later(() => server.close())
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      const port = typeof address === 'object' ? address?.port : ''
      return withEnvironment(host, { HTTP_PROXY: `http://127.0.0.1:${port}` })
    },
    'Hub',
    /asks for a name and a password/,
    /HTTPS_PROXY: http:\/\/name:password@/,
  ],
  [
    'the hub has a certificate of a private CA',
    withPlaces(async host => ({ hubEndpoint: await aTlsHub(host, 30) })),
    'Hub',
    /signed by nobody that Node trusts \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    /NODE_EXTRA_CA_CERTS/,
  ],
  [
    'the clock is wrong',
    () => ({ now: () => new Date(Date.now() - 3 * 3_600_000) }),
    'Clock',
    /180 minutes behind the hub/,
    /set-ntp true/,
  ],
  [
    'the hub does not take the token',
    host => {
      aModelWithToken(host, 'hf_wrong')
      return {}
    },
    'Token of qwen',
    /does not take the token in .*hub\/token \(401\)/,
    /settings\/tokens/,
  ],
  [
    'the token is missing',
    host => {
      aModelWithToken(host, '')
      return {}
    },
    'Token of qwen',
    /hub\/token is not there, or is empty/,
    /switchyard login/,
  ],
]

describe('On a host where nothing is wrong', () => {
  it('the doctor finds nothing, changes nothing and shows no secret', async () => {
    const host = await openHealthyHost()
    aModelWithToken(host, token)
    const findings = await doctor(host.world(systemd(host, 'loginctl', 'Linger=yes\n')))
    expect(findings.filter(({ state }) => state === 'Fault' || state === 'Warning')).toEqual([])
    expect(findings.find(({ check }) => check === 'Token of qwen')?.state).toBe('Good')
    expect(printFindings(findings)).not.toContain(token)
    await host.close()
  })
})

describe(`Each of ${rows.length} faults`, () => {
  it.each(rows)('%s', async (_, seed, check, message, fix) => {
    const host = await openHealthyHost()
    try {
      const findings = await doctor(host.world(await seed(host)))
      const found = findings.filter(({ state }) => state === 'Fault' || state === 'Warning')
      expect(found).toEqual([
        expect.objectContaining({
          check,
          message: expect.stringMatching(message),
          fix: expect.stringMatching(fix),
        }),
      ])
      expect(toJson(findings)).not.toContain(token)
    } finally {
      await host.close()
    }
  })
})
