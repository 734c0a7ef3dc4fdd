// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state machine that all virtio devices share (virtio 1.2, 2.1 status, 2.2 features,
 * 2.4 reset, 2.5 configuration generation, 3.1 initialization).
 *
 * A queue is mapped from the moment the driver enables it until the reset; it is served
 * only while DRIVER_OK is set (a legacy driver may start earlier), the device is not
 * broken and the machine is not quiesced. After DRIVER_OK, a load and a resume each queue
 * is woken once, because a notification may have come while it was not served.
 */
#include "vmm/virtio/virtio.h"

#include "common/bytes.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- life ---- */

void virtio_init(struct virtio_device *vdev, struct device *dev,
                 const struct virtio_ops *ops)
{
	vdev->ops = ops;
	vdev->dev = dev;
	vdev->mem = dev->vm->mem;
	vdev->loop = dev->vm->loop;
	vdev->config_vector = VIRTQUEUE_NO_VECTOR;
}

struct virtqueue *virtio_add_queue(struct virtio_device *vdev, uint16_t max_size,
                                   uint32_t elem_size)
{
	struct virtqueue *vq = &vdev->queues[vdev->queue_count];

	virtqueue_init(vq, vdev, vdev->queue_count++, max_size, elem_size);
	return vq;
}

void virtio_free(struct virtio_device *vdev)
{
	for (unsigned i = 0; i < vdev->queue_count; i++)
		virtqueue_free(&vdev->queues[i]);
	vdev->queue_count = 0;
}

/* ---- what the model asks for ---- */

bool virtio_running(const struct virtio_device *vdev)
{
	if (vdev->broken || vdev->paused || vdev->resetting || vdev->stalled)
		return false;
	/* Legacy drivers use their queues before they say DRIVER_OK. */
	return vdev->status & VIRTIO_CONFIG_S_DRIVER_OK ||
	       !virtio_has(vdev, VIRTIO_F_VERSION_1);
}

int virtio_break(struct virtio_device *vdev, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (vdev->broken)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_guest(&vdev->warned, "%s: the driver broke the device: %s", vdev->dev->path,
	          text);
	vdev->broken = true;
	/* The bit does not exist for legacy drivers. */
	if (virtio_has(vdev, VIRTIO_F_VERSION_1)) {
		vdev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
		if (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)
			vdev->transport->config_interrupt(vdev);
	}
	return -EINVAL;
}

void virtio_interrupt(struct virtio_device *vdev, struct virtqueue *vq)
{
	if (!vdev->resetting)
		vdev->transport->interrupt(vdev, vq);
}

void virtio_config_changed(struct virtio_device *vdev)
{
	vdev->config_generation++;
	if (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		vdev->transport->config_interrupt(vdev);
}

/* ---- configuration space ---- */

uint64_t virtio_config_read(struct virtio_device *vdev, unsigned offset, unsigned size)
{
	uint8_t config[VIRTIO_CONFIG_MAX + 8] = { 0 };

	if (offset >= vdev->ops->config_len)
		return 0;
	vdev->ops->get_config(vdev, config);
	return ldn(config + offset, size);
}

void virtio_config_write(struct virtio_device *vdev, unsigned offset, uint64_t value,
                         unsigned size)
{
	if (vdev->ops->set_config && offset < vdev->ops->config_len &&
	    size <= vdev->ops->config_len - offset)
		vdev->ops->set_config(vdev, offset, value, size);
}

/* ---- queues ---- */

void virtio_kick(struct virtio_device *vdev, struct virtqueue *vq)
{
	if (vq->mapped && virtio_running(vdev))
		vdev->ops->kick(vdev, vq);
}

static void wake_queues(struct virtio_device *vdev)
{
	for (unsigned i = 0; i < vdev->queue_count; i++)
		if (vdev->queues[i].mapped)
			vdev->transport->wake(vdev, &vdev->queues[i]);
}

static int start_queue(struct virtio_device *vdev, struct virtqueue *vq, struct err *err)
{
	int ret = virtqueue_map(vq, err);

	if (ret < 0)
		return ret;
	ret = vdev->transport->queue_start(vdev, vq);
	if (ret < 0) {
		virtqueue_unmap(vq);
		return err_sys(err, -ret, "notifications of queue %u", vq->index);
	}
	return 0;
}

void virtio_queue_enable(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct err err = { 0 };

	if (vq->ready)
		return;
	vq->ready = true;
	if (start_queue(vdev, vq, &err) < 0)
		virtio_break(vdev, "%s", err.text);
	else
		log_debug(LOG_C_VIRTIO, "%s: queue %u: %u entries at 0x%llx",
		          vdev->dev->path, vq->index, vq->size,
		          (unsigned long long)vq->desc);
}

static void stop_queue(struct virtio_device *vdev, struct virtqueue *vq)
{
	if (vq->mapped)
		vdev->transport->queue_stop(vdev, vq);
	virtqueue_reset(vq);
}

/* Waits until nothing is in flight and nothing new was started. */
static void drain(struct virtio_device *vdev)
{
	if (vdev->ops->drain)
		vdev->ops->drain(vdev);
}

void virtio_restart(struct virtio_device *vdev)
{
	drain(vdev);
	wake_queues(vdev);
}

void virtio_queue_disable(struct virtio_device *vdev, struct virtqueue *vq)
{
	drain(vdev);
	stop_queue(vdev, vq);
	if (vdev->ops->forget)
		vdev->ops->forget(vdev, vq);
	/* The drain gave back what the others held. */
	wake_queues(vdev);
}

/* ---- status and features ---- */

void virtio_reset(struct virtio_device *vdev)
{
	vdev->resetting = true;
	drain(vdev);
	for (unsigned i = 0; i < vdev->queue_count; i++)
		stop_queue(vdev, &vdev->queues[i]);
	vdev->status = 0;
	vdev->features = 0;
	vdev->broken = false;
	vdev->config_generation = 0;
	vdev->config_vector = VIRTQUEUE_NO_VECTOR;
	if (vdev->ops->reset)
		vdev->ops->reset(vdev);
	vdev->transport->reset(vdev);
	vdev->resetting = false;
}

void virtio_set_features(struct virtio_device *vdev, uint64_t features)
{
	if (!(vdev->status & (VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)))
		vdev->features = features;
}

static bool features_ok(struct virtio_device *vdev)
{
	uint64_t f = vdev->features;

	/* Only drivers of virtio 1 ask (3.1.1, step 5). */
	if (f & ~vdev->host_features || !(f >> VIRTIO_F_VERSION_1 & 1))
		return false;
	return !vdev->ops->check_features || vdev->ops->check_features(vdev, f);
}

void virtio_set_status(struct virtio_device *vdev, uint8_t status)
{
	uint8_t old = vdev->status;

	if (!status) {
		virtio_reset(vdev);
		return;
	}
	if (status & ~old & VIRTIO_CONFIG_S_FEATURES_OK && !features_ok(vdev)) {
		log_debug(LOG_C_VIRTIO, "%s: features 0x%llx refused (0x%llx offered)",
		          vdev->dev->path, (unsigned long long)vdev->features,
		          (unsigned long long)vdev->host_features);
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	}
	/* This bit is the device's: only a reset takes it away. */
	vdev->status = (status & ~VIRTIO_CONFIG_S_NEEDS_RESET) |
	               (old & VIRTIO_CONFIG_S_NEEDS_RESET);
	log_debug(LOG_C_VIRTIO, "%s: status 0x%x, features 0x%llx", vdev->dev->path,
	          vdev->status, (unsigned long long)vdev->features);
	if (status & ~old & VIRTIO_CONFIG_S_DRIVER_OK) {
		if (vdev->ops->start)
			vdev->ops->start(vdev);
		wake_queues(vdev);
		/* Broken while it was set up: nobody was told (2.1.2). */
		if (vdev->status & VIRTIO_CONFIG_S_NEEDS_RESET)
			vdev->transport->config_interrupt(vdev);
	}
}

/* ---- stop and go ---- */

void virtio_stall(struct virtio_device *vdev, bool stalled)
{
	if (vdev->stalled == stalled)
		return;
	vdev->stalled = stalled;
	if (stalled)
		drain(vdev);
	else
		wake_queues(vdev);
}

void virtio_quiesce(struct virtio_device *vdev)
{
	vdev->paused = true;
	drain(vdev);
}

void virtio_resume(struct virtio_device *vdev)
{
	vdev->paused = false;
	wake_queues(vdev);
}

/* ---- state ---- */

static const struct state_field device_fields[] = {
	STATE_U8_F(struct virtio_device, status),
	STATE_U8_F(struct virtio_device, config_generation),
	STATE_U16_F(struct virtio_device, config_vector),
	STATE_U64_F(struct virtio_device, features),
	STATE_BOOL_F(struct virtio_device, broken),
	STATE_STRUCT_VARRAY(struct virtio_device, queues, VIRTIO_MAX_QUEUES, queue_count,
	                    &virtqueue_state),
	STATE_END_F,
};

const struct state_desc virtio_device_state = {
	.name = "virtio-device",
	.version = 1,
	.fields = device_fields,
};

int virtio_pre_save(struct virtio_device *vdev, struct err *err)
{
	for (unsigned i = 0; i < vdev->queue_count; i++)
		if (vdev->queues[i].in_flight)
			return err_set(err, EBUSY, "queue %u has %u requests in flight",
			               i, vdev->queues[i].in_flight);
	return 0;
}

int virtio_validate(const struct virtio_device *vdev, struct err *err)
{
	const struct virtio_device *self = vdev->queues[0].vdev;

	/* The object under test is a copy; its queues point to the real one. */
	if (self && self->queue_count != vdev->queue_count)
		return err_set(err, EINVAL, "%u queues there, %u here", vdev->queue_count,
		               self->queue_count);
	if (vdev->features & ~vdev->host_features &&
	    vdev->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return err_set(err, EINVAL,
		               "features 0x%llx are in use, this device offers 0x%llx",
		               (unsigned long long)vdev->features,
		               (unsigned long long)vdev->host_features);
	for (unsigned i = 0; i < vdev->queue_count; i++) {
		int ret = virtqueue_validate(&vdev->queues[i], !vdev->broken, err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int virtio_post_load(struct virtio_device *vdev, struct err *err)
{
	for (unsigned i = 0; i < vdev->queue_count; i++) {
		struct virtqueue *vq = &vdev->queues[i];
		int ret;

		if (vq->mapped) {
			vdev->transport->queue_stop(vdev, vq);
			virtqueue_unmap(vq);
		}
		if (!vq->ready || vdev->broken)
			continue;
		ret = start_queue(vdev, vq, err);
		if (ret < 0)
			return ret;
	}
	if (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK && vdev->ops->start)
		vdev->ops->start(vdev);
	return 0;
}
