// A former version as a program and an image: its sources from the history of this repository, with the packages of today.
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { bundleSources } from '../../scripts/build.ts'
import { imageOf } from '../../scripts/image.ts'

const root = new URL('../../', import.meta.url).pathname

/** The commit of a release, as it is kept beside its objects: tags do not travel with every clone. */
const commitOf = (version: string): string =>
  readFileSync(join(root, 'test/fixtures', version, 'commit'), 'utf8').trim()

/** Undefined when its sources are in the history here. */
export async function whyNoFormer(version: string): Promise<string | undefined> {
  const commit = commitOf(version)
  const seen = await execa('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: root, reject: false })
  return seen.failed ? `the history here has no commit ${commit} (${version}): a shallow clone?` : undefined
}

export interface Former {
  readonly program: string
  readonly image: string
  /** the image as a tar for the nodes */
  readonly archive: string
}

/** `folder` is made to hold it. */
export async function buildFormer(version: string, folder: string): Promise<Former> {
  const sources = await execa('git', ['archive', commitOf(version), 'src'], { cwd: root, encoding: 'buffer' })
  await execa('tar', ['-x', '-C', folder], { input: sources.stdout })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const program = await bundleSources(join(folder, 'dist/switchyard.mjs'), join(folder, 'src'))
  const image = `localhost/switchyard:${version}`
  return { program, image, archive: await imageOf(program, image, join(folder, 'image.tar')) }
}
