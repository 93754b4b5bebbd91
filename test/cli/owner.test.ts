// Who puts a field back: told from what Argo CD, Flux and Helm leave on an object.
import { describe, expect, it } from 'vitest'
import { findOwner } from '../../src/cli/owner.ts'

const fieldsV1 = { 'f:spec': { 'f:activeModel': {} } }
const by = (manager: string, operation = 'Update', fields: object = fieldsV1) => ({
  manager,
  operation,
  fieldsV1: fields,
})
const tracking = { 'argocd.argoproj.io/tracking-id': 'llm:switchyard.dev/Runtime:ai/gpu' }
const applied = { 'kubectl.kubernetes.io/last-applied-configuration': '{"spec":{"activeModel":"a"}}' }
const flux = {
  'kustomize.toolkit.fluxcd.io/name': 'apps',
  'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
}
const ours = by('switchyard-cli')

const rows = [
  [
    'Argo CD, by server-side apply',
    { annotations: tracking, managedFields: [by('argocd-controller', 'Apply')] },
    'Argo CD (llm)',
  ],
  [
    'Argo CD, as kubectl apply does, tracked by the annotation',
    { annotations: { ...tracking, ...applied }, managedFields: [by('argocd-controller')] },
    'Argo CD (llm)',
  ],
  [
    'Argo CD of the old tracking by label',
    {
      labels: { 'app.kubernetes.io/instance': 'llm' },
      annotations: applied,
      managedFields: [by('argocd-controller')],
    },
    'Argo CD (llm)',
  ],
  [
    'Argo CD whose label has another key',
    { labels: { 'argocd.argoproj.io/instance': 'llm' }, managedFields: [by('argocd-controller', 'Apply')] },
    'Argo CD (llm)',
  ],
  ['Argo CD without any mark', { managedFields: [by('argocd-controller', 'Apply')] }, 'Argo CD'],
  [
    'Argo CD, after the field was taken from it',
    { annotations: tracking, managedFields: [ours] },
    'Argo CD (llm)',
  ],
  ['Flux', { labels: flux, managedFields: [by('kustomize-controller', 'Apply')] }, 'Flux (apps)'],
  ['Flux, after the field was taken from it', { labels: flux, managedFields: [ours] }, 'Flux (apps)'],
  [
    'Flux (Helm)',
    { labels: { 'helm.toolkit.fluxcd.io/name': 'llm' }, managedFields: [by('helm-controller')] },
    'Flux (Helm) (llm)',
  ],
  [
    'nobody: a label that charts of Helm set, too, and no field of Argo CD',
    { labels: { 'app.kubernetes.io/instance': 'llm' }, managedFields: [ours] },
    undefined,
  ],
  [
    'nobody: Argo CD declares another field',
    {
      annotations: tracking,
      managedFields: [by('argocd-controller', 'Apply', { 'f:spec': { 'f:engine': {} } })],
    },
    undefined,
  ],
  ['another manager by server-side apply', { managedFields: [by('terraform', 'Apply')] }, 'terraform'],
  [
    'nobody: a person with kubectl',
    { annotations: applied, managedFields: [by('kubectl-client-side-apply')] },
    undefined,
  ],
] as const

describe('Who puts spec.activeModel back', () => {
  it.each(rows)('%s', (_, meta, owner) => expect(findOwner(meta, 'activeModel')).toBe(owner))
})
