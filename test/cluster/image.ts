// Files in, OCI image tar out: what `ctr images import` takes. The same input gives the same bytes.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  constants,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'

/** What lies at one absolute path of the image. */
export type ImageEntry =
  | { readonly from: string; readonly mode?: number }
  | { readonly text: string; readonly mode?: number }
  | { readonly link: string }
  | { readonly folder: true; readonly mode?: number }

export type Layer = Readonly<Record<string, ImageEntry>>

export type Image = {
  readonly name: string
  /** Layers that several images have alike are stored once per node. */
  readonly layers: readonly Layer[]
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  readonly user?: string
  readonly env?: Readonly<Record<string, string>>
  readonly workdir?: string
}

type Blob = { readonly mediaType: string; readonly digest: string; readonly size: number }

const tarFlags = '--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu'.split(' ')

/** Writes the image to `output`; does nothing when a former call with the same input wrote it. */
export async function buildImage(image: Image, output: string): Promise<string> {
  const key = inputKey(image)
  const keyFile = `${output}.key`
  if (existsSync(output) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return output
  mkdirSync(dirname(output), { recursive: true })
  const work = mkdtempSync(join(tmpdir(), 'switchyard-image-'))
  try {
    await writeLayout(image, work)
    const part = `${output}.${process.pid}.part`
    await execa('tar', [
      ...tarFlags,
      '-C',
      join(work, 'oci'),
      '-cf',
      part,
      'oci-layout',
      'index.json',
      'blobs',
    ])
    rmSync(keyFile, { force: true })
    renameSync(part, output)
    writeFileSync(keyFile, key)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return output
}

/** Stands for every byte that goes in; files count by path, size and time of change. */
function inputKey(image: Image): string {
  const seen = image.layers
    .flatMap(layer => Object.values(layer))
    .map(entry => ('from' in entry ? statSync(entry.from) : undefined))
    .map(stat => stat && [stat.size, stat.mtimeMs])
  return createHash('sha256')
    .update(JSON.stringify(['v1', image, seen]))
    .digest('hex')
}

async function writeLayout(image: Image, work: string): Promise<void> {
  const oci = join(work, 'oci')
  mkdirSync(join(oci, 'blobs/sha256'), { recursive: true })
  const layers: Blob[] = []
  for (const [n, layer] of image.layers.entries())
    layers.push(await writeLayer(layer, join(work, `${n}`), oci))
  const config = writeBlob(oci, 'config', imageConfig(image, layers))
  const manifest = writeBlob(oci, 'manifest', {
    schemaVersion: 2,
    mediaType: ociType('manifest'),
    config,
    layers,
  })
  const names = {
    'io.containerd.image.name': image.name,
    'org.opencontainers.image.ref.name': image.name,
  }
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ ...manifest, annotations: names }],
  }
  writeFileSync(join(oci, 'index.json'), JSON.stringify(index))
  writeFileSync(join(oci, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
}

const ociType = (kind: 'config' | 'manifest') => `application/vnd.oci.image.${kind}.v1+json`

function imageConfig(image: Image, layers: readonly Blob[]): object {
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const env = Object.entries(image.env ?? {}).map(([name, value]) => `${name}=${value}`)
  return {
    created: '1970-01-01T00:00:00Z',
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: {
      Entrypoint: image.entrypoint,
      Cmd: image.cmd,
      User: image.user ?? '0',
      WorkingDir: image.workdir ?? '/',
      Env: env.some(line => line.startsWith('PATH=')) ? env : [path, ...env],
    },
    rootfs: { type: 'layers', diff_ids: layers.map(layer => layer.digest) },
  }
}

function writeBlob(oci: string, kind: 'config' | 'manifest', value: object): Blob {
  const bytes = Buffer.from(JSON.stringify(value))
  const hash = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(join(oci, 'blobs/sha256', hash), bytes)
  return { mediaType: ociType(kind), digest: `sha256:${hash}`, size: bytes.length }
}

async function writeLayer(layer: Layer, root: string, oci: string): Promise<Blob> {
  stageLayer(layer, root)
  const tar = `${root}.tar`
  await execa('tar', [...tarFlags, '-C', root, '-cf', tar, '.'])
  rmSync(root, { recursive: true })
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(tar, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  const digest = hash.digest('hex')
  const size = statSync(tar).size
  renameSync(tar, join(oci, 'blobs/sha256', digest))
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${digest}`, size }
}

/** Every folder is 0755, whatever the umask: a closed root would lock out every user but root. */
function stageLayer(layer: Layer, root: string): void {
  makeFolder(root)
  for (const [path, entry] of Object.entries(layer)) {
    const target = join(root, path)
    for (const folder of parentsOf(path)) makeFolder(join(root, folder))
    if ('link' in entry) symlinkSync(entry.link, target)
    else if ('folder' in entry) makeFolder(target, entry.mode)
    else writeEntry(target, entry)
  }
}

function writeEntry(target: string, entry: Exclude<ImageEntry, { link: string } | { folder: true }>): void {
  if ('from' in entry) copyFileSync(entry.from, target, constants.COPYFILE_FICLONE)
  else writeFileSync(target, entry.text)
  const own = 'from' in entry ? statSync(entry.from).mode & 0o755 : 0o644
  chmodSync(target, entry.mode ?? own)
}

function makeFolder(path: string, mode = 0o755): void {
  mkdirSync(path, { recursive: true })
  chmodSync(path, mode)
}

function parentsOf(path: string): string[] {
  const parts = path.split('/').filter(Boolean).slice(0, -1)
  return parts.map((_, n) => parts.slice(0, n + 1).join('/'))
}
