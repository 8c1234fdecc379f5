// SPDX-License-Identifier: AGPL-3.0-or-later
// The page of cameras: #/cameras the list, …/add, …/import, …/c/ID one of them.
import { place } from '../../lib/router';
import { AddCamera } from './add';
import { CameraDetail } from './detail';
import { ImportCameras } from './import';
import { CameraList } from './list';

export function Cameras() {
  const [what, id] = place.value.rest;
  if (what === 'add') return <AddCamera />;
  if (what === 'import') return <ImportCameras />;
  if (what === 'c' && id) return <CameraDetail key={id} id={id} />;
  return <CameraList />;
}
