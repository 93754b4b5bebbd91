// Makes the product's image without a container engine: dist/switchyard-image.tar, an OCI archive for `ctr images import`.
import { existsSync, realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { workerFlags } from '../src/program/node-flags.ts'
import { buildImage, type Layer } from '../test/cluster/image.ts'
import { bundle, filesOf } from './build.ts'

const root = new URL('../', import.meta.url)
const authorities = '/etc/ssl/certs/ca-certificates.crt'

/** Where the image is written. */
export const imagePath: string = fileURLToPath(new URL('dist/switchyard-image.tar', root))

/** Node 24 with the libraries that it loads, authorities, one user without rights, /tmp. */
export async function nodeLayer(): Promise<Layer> {
  const node = realpathSync(fileURLToPath(new URL('node_modules/node/bin/node', root)))
  const { stdout } = await execa('ldd', [node])
  const libraries = stdout.match(/\/[^ ]+(?= \()/g) ?? []
  return {
    '/usr/bin/node': { from: node, mode: 0o755 },
    ...Object.fromEntries(libraries.map(path => [path, { from: path, mode: 0o755 }])),
    ...(existsSync(authorities) ? { [authorities]: { from: authorities, mode: 0o644 } } : {}),
    '/tmp': { folder: true, mode: 0o1777 },
    '/etc/passwd': { text: 'root:x:0:0::/:/bin/false\nnonroot:x:65532:65532::/tmp:/bin/false\n' },
    '/etc/group': { text: 'root:x:0:\nnonroot:x:65532:\n' },
    '/etc/nsswitch.conf': { text: 'hosts: files dns\n' },
  }
}

const programLayer = async (program: string): Promise<Layer> =>
  Object.fromEntries((await filesOf(program)).map(from => [`/app/${basename(from)}`, { from, mode: 0o644 }]))

export const nodeEnvironment = { NODE_ENV: 'production', MALLOC_ARENA_MAX: '2' }

/** Bundles the sources and writes the image; only the bundle is written when nothing else changed. */
export async function buildProductImage(
  name = 'localhost/switchyard:dev',
  output = imagePath,
): Promise<string> {
  return imageOf(await bundle(), name, output)
}

/** The image of a bundled program, started as a worker is; the chart names the flags of its operator. */
export async function imageOf(program: string, name: string, output: string): Promise<string> {
  return buildImage(
    {
      name,
      layers: [await nodeLayer(), await programLayer(program)],
      entrypoint: ['/usr/bin/node', ...workerFlags, '/app/switchyard.mjs'],
      user: '65532:65532',
      env: nodeEnvironment,
      workdir: '/tmp',
    },
    output,
  )
}

if (import.meta.main) console.log(await buildProductImage(process.argv[2]))
