/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* OpenCV's DNN module behind three C functions. Nothing here knows what a net looks for. */
#include "mask/detect_net.h"

#include <cerrno>
#include <exception>
#include <memory>
#include <new>
#include <opencv2/core.hpp>
#include <opencv2/core/ocl.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <string>
#include <vector>

struct detect_net {
    cv::dnn::Net net;
    std::vector<std::string> names;
    std::vector<cv::Mat> outputs;
};

namespace
{

/* Turn whatever was thrown into an error code and one line of text. */
int refuse(struct err *reterr, const char *what)
{
    try {
        throw;
    } catch (const std::bad_alloc &) {
        return err_set(reterr, -ENOMEM, "no memory to %s the detector", what);
    } catch (const cv::Exception &e) {
        if (e.code == cv::Error::StsNoMem)
            return err_set(reterr, -ENOMEM, "no memory to %s the detector", what);
        return err_set(reterr, E_UNSUPPORTED, "OpenCV could not %s the detector: %.200s", what,
                       e.err.c_str());
    } catch (const std::exception &e) {
        return err_set(reterr, E_UNSUPPORTED, "OpenCV could not %s the detector: %.200s", what,
                       e.what());
    } catch (...) {
        return err_set(reterr, E_UNSUPPORTED, "OpenCV could not %s the detector", what);
    }
}

/* An exception is told once, by whoever logs; OpenCV's own copy on stderr would be the second time. */
int quiet(int, const char *, const char *, const char *, int, void *)
{
    return 0;
}

void settle_library()
{
    cv::setNumThreads(1);
    cv::ocl::setUseOpenCL(false);
    cv::redirectError(quiet);
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
}

bool take(const cv::Mat &m, struct detect_tensor *ret)
{
    if (m.depth() != CV_32F || m.dims < 2 || !m.isContinuous() || m.size[m.dims - 1] <= 0)
        return false;
    ret->data = m.ptr<float>();
    ret->columns = m.size[m.dims - 1];
    ret->rows = static_cast<int>(m.total() / static_cast<size_t>(ret->columns));
    return true;
}

} // namespace

int detect_net_open(const uint8_t *onnx, size_t bytes, const char *const *outputs, int count,
                    struct detect_net **ret, struct err *reterr)
{
    try {
        settle_library();
        auto n = std::make_unique<detect_net>();
        n->net = cv::dnn::readNetFromONNX(reinterpret_cast<const char *>(onnx), bytes);
        n->net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
        n->net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
        if (outputs)
            n->names.assign(outputs, outputs + count);
        else
            n->names = n->net.getUnconnectedOutLayersNames();
        if (n->names.size() != static_cast<size_t>(count))
            return err_set(reterr, E_UNSUPPORTED, "the detector has %zu outputs, expected %d",
                           n->names.size(), count);
        *ret = n.release();
        return 0;
    } catch (...) {
        return refuse(reterr, "load");
    }
}

void detect_net_close(struct detect_net *n)
{
    try {
        delete n;
    } catch (...) {
        /* nothing is left that could be done */
    }
}

int detect_net_run(struct detect_net *n, float *input, int width, int height,
                   struct detect_tensor ret[DETECT_OUTPUTS], struct err *reterr)
{
    try {
        const int shape[4] = {1, 3, height, width};
        n->net.setInput(cv::Mat(4, shape, CV_32F, input));
        n->net.forward(n->outputs, n->names);
        for (size_t i = 0; i < n->names.size(); i++)
            if (i >= n->outputs.size() || !take(n->outputs[i], &ret[i]))
                return err_set(reterr, E_UNSUPPORTED, "output %s of the detector is no table",
                               n->names[i].c_str());
        return 0;
    } catch (...) {
        return refuse(reterr, "run");
    }
}
