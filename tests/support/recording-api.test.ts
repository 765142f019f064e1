import { expect, test } from 'vitest';
import { deedsOf } from './recording-api.ts';

test.each([
  ['GET', '/api/v1/namespaces/a/pods', 200, 'a  pods list'],
  ['GET', '/api/v1/namespaces/a/pods?watch=true', 200, 'a  pods watch'],
  ['GET', '/api/v1/namespaces/a/pods/p', 200, 'a  pods get'],
  ['GET', '/api/v1/namespaces/a', 200, '  namespaces get'],
  ['GET', '/api/v1/nodes', 200, '  nodes list'],
  ['PATCH', '/apis/apps/v1/namespaces/a/deployments/d', 200, 'a apps deployments patch'],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/a/deployments/d',
    201,
    'a apps deployments patch, a apps deployments create',
  ],
  ['DELETE', '/api/v1/namespaces/a/configmaps/c', 200, 'a  configmaps delete'],
  ['GET', '/api/v1/namespaces/a/pods/p/log?follow=true', 200, 'a  pods/log get'],
  ['GET', '/api/v1/namespaces/a/pods/p/exec?command=ls', 101, 'a  pods/exec get, a  pods/exec create'],
  ['GET', '/version', 200, ''],
])('%s %s (%i) is to RBAC: %s', (method, url, status, expected) => {
  const told = deedsOf(method, url, status).map(
    ({ namespace, group, resource, verb }) => `${namespace} ${group} ${resource} ${verb}`,
  );
  expect(told.join(', ')).toBe(expected);
});
