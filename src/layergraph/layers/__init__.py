"""Keras's layers: each a declaration over a stock torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.absent import explained
from layergraph.layers.activation import ELU as ELU
from layergraph.layers.activation import LeakyReLU as LeakyReLU
from layergraph.layers.activation import PReLU as PReLU
from layergraph.layers.activation import ReLU as ReLU
from layergraph.layers.activation import Softmax as Softmax
from layergraph.layers.adaptive import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
from layergraph.layers.adaptive import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
from layergraph.layers.adaptive import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
from layergraph.layers.adaptive import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
from layergraph.layers.adaptive import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
from layergraph.layers.adaptive import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
from layergraph.layers.attention import AdditiveAttention as AdditiveAttention
from layergraph.layers.attention import Attention as Attention
from layergraph.layers.base import Layer as Layer
from layergraph.layers.batch_normalization import BatchNormalization as BatchNormalization
from layergraph.layers.bidirectional import Bidirectional as Bidirectional
from layergraph.layers.cells import GRUCell as GRUCell
from layergraph.layers.cells import LSTMCell as LSTMCell
from layergraph.layers.cells import SimpleRNNCell as SimpleRNNCell
from layergraph.layers.conv_lstm import ConvLSTM1D as ConvLSTM1D
from layergraph.layers.conv_lstm import ConvLSTM2D as ConvLSTM2D
from layergraph.layers.conv_lstm import ConvLSTM3D as ConvLSTM3D
from layergraph.layers.convolution import Conv1D as Conv1D
from layergraph.layers.convolution import Conv2D as Conv2D
from layergraph.layers.convolution import Conv3D as Conv3D
from layergraph.layers.convolution import Convolution1D as Convolution1D
from layergraph.layers.convolution import Convolution2D as Convolution2D
from layergraph.layers.convolution import Convolution3D as Convolution3D
from layergraph.layers.core import Activation as Activation
from layergraph.layers.core import Dense as Dense
from layergraph.layers.core import Identity as Identity
from layergraph.layers.core import Input as Input
from layergraph.layers.core import InputLayer as InputLayer
from layergraph.layers.depthwise import DepthwiseConv1D as DepthwiseConv1D
from layergraph.layers.depthwise import DepthwiseConv2D as DepthwiseConv2D
from layergraph.layers.depthwise import SeparableConv1D as SeparableConv1D
from layergraph.layers.depthwise import SeparableConv2D as SeparableConv2D
from layergraph.layers.depthwise import SeparableConvolution1D as SeparableConvolution1D
from layergraph.layers.depthwise import SeparableConvolution2D as SeparableConvolution2D
from layergraph.layers.einsum import EinsumDense as EinsumDense
from layergraph.layers.embedding import Embedding as Embedding
from layergraph.layers.embedding import Masking as Masking
from layergraph.layers.embedding import ReversibleEmbedding as ReversibleEmbedding
from layergraph.layers.input_spec import InputSpec as InputSpec
from layergraph.layers.lambda_ import Lambda as Lambda
from layergraph.layers.merging import Add as Add
from layergraph.layers.merging import Average as Average
from layergraph.layers.merging import Concatenate as Concatenate
from layergraph.layers.merging import Dot as Dot
from layergraph.layers.merging import Maximum as Maximum
from layergraph.layers.merging import Minimum as Minimum
from layergraph.layers.merging import Multiply as Multiply
from layergraph.layers.merging import Subtract as Subtract
from layergraph.layers.merging import add as add
from layergraph.layers.merging import average as average
from layergraph.layers.merging import concatenate as concatenate
from layergraph.layers.merging import dot as dot
from layergraph.layers.merging import maximum as maximum
from layergraph.layers.merging import minimum as minimum
from layergraph.layers.merging import multiply as multiply
from layergraph.layers.merging import subtract as subtract
from layergraph.layers.multi_head import GroupedQueryAttention as GroupQueryAttention
from layergraph.layers.multi_head import MultiHeadAttention as MultiHeadAttention
from layergraph.layers.normalization import GroupNormalization as GroupNormalization
from layergraph.layers.normalization import LayerNormalization as LayerNormalization
from layergraph.layers.normalization import RMSNormalization as RMSNormalization
from layergraph.layers.normalization import UnitNormalization as UnitNormalization
from layergraph.layers.pipeline import Pipeline as Pipeline
from layergraph.layers.pooling import AveragePooling1D as AveragePooling1D
from layergraph.layers.pooling import AveragePooling2D as AveragePooling2D
from layergraph.layers.pooling import AveragePooling3D as AveragePooling3D
from layergraph.layers.pooling import AvgPool1D as AvgPool1D
from layergraph.layers.pooling import AvgPool2D as AvgPool2D
from layergraph.layers.pooling import AvgPool3D as AvgPool3D
from layergraph.layers.pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from layergraph.layers.pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from layergraph.layers.pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from layergraph.layers.pooling import GlobalAvgPool1D as GlobalAvgPool1D
from layergraph.layers.pooling import GlobalAvgPool2D as GlobalAvgPool2D
from layergraph.layers.pooling import GlobalAvgPool3D as GlobalAvgPool3D
from layergraph.layers.pooling import GlobalMaxPool1D as GlobalMaxPool1D
from layergraph.layers.pooling import GlobalMaxPool2D as GlobalMaxPool2D
from layergraph.layers.pooling import GlobalMaxPool3D as GlobalMaxPool3D
from layergraph.layers.pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from layergraph.layers.pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from layergraph.layers.pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from layergraph.layers.pooling import MaxPool1D as MaxPool1D
from layergraph.layers.pooling import MaxPool2D as MaxPool2D
from layergraph.layers.pooling import MaxPool3D as MaxPool3D
from layergraph.layers.pooling import MaxPooling1D as MaxPooling1D
from layergraph.layers.pooling import MaxPooling2D as MaxPooling2D
from layergraph.layers.pooling import MaxPooling3D as MaxPooling3D
from layergraph.layers.preprocessing.audio import MelSpectrogram as MelSpectrogram
from layergraph.layers.preprocessing.audio import STFTSpectrogram as STFTSpectrogram
from layergraph.layers.preprocessing.categories import CategoryEncoding as CategoryEncoding
from layergraph.layers.preprocessing.categories import Discretization as Discretization
from layergraph.layers.preprocessing.hashing import HashedCrossing as HashedCrossing
from layergraph.layers.preprocessing.hashing import Hashing as Hashing
from layergraph.layers.preprocessing.image_colours import RandomBrightness as RandomBrightness
from layergraph.layers.preprocessing.image_colours import RandomColorDegeneration as RandomColorDegeneration
from layergraph.layers.preprocessing.image_colours import RandomColorJitter as RandomColorJitter
from layergraph.layers.preprocessing.image_colours import RandomContrast as RandomContrast
from layergraph.layers.preprocessing.image_colours import RandomGaussianBlur as RandomGaussianBlur
from layergraph.layers.preprocessing.image_colours import RandomGrayscale as RandomGrayscale
from layergraph.layers.preprocessing.image_colours import RandomHue as RandomHue
from layergraph.layers.preprocessing.image_colours import RandomInvert as RandomInvert
from layergraph.layers.preprocessing.image_colours import RandomPosterization as RandomPosterization
from layergraph.layers.preprocessing.image_colours import RandomSaturation as RandomSaturation
from layergraph.layers.preprocessing.image_colours import RandomSharpness as RandomSharpness
from layergraph.layers.preprocessing.image_colours import Solarization as Solarization
from layergraph.layers.preprocessing.image_histograms import AutoContrast as AutoContrast
from layergraph.layers.preprocessing.image_histograms import (
    ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization,
)
from layergraph.layers.preprocessing.image_histograms import Equalization as Equalization
from layergraph.layers.preprocessing.image_mixing import AugMix as AugMix
from layergraph.layers.preprocessing.image_mixing import CutMix as CutMix
from layergraph.layers.preprocessing.image_mixing import MaxNumBoundingBoxes as MaxNumBoundingBoxes
from layergraph.layers.preprocessing.image_mixing import MixUp as MixUp
from layergraph.layers.preprocessing.image_mixing import RandAugment as RandAugment
from layergraph.layers.preprocessing.image_mixing import RandomErasing as RandomErasing
from layergraph.layers.preprocessing.image_movements import RandomElasticTransform as RandomElasticTransform
from layergraph.layers.preprocessing.image_movements import RandomFlip as RandomFlip
from layergraph.layers.preprocessing.image_movements import RandomPerspective as RandomPerspective
from layergraph.layers.preprocessing.image_movements import RandomRotation as RandomRotation
from layergraph.layers.preprocessing.image_movements import RandomShear as RandomShear
from layergraph.layers.preprocessing.image_movements import RandomTranslation as RandomTranslation
from layergraph.layers.preprocessing.image_movements import RandomZoom as RandomZoom
from layergraph.layers.preprocessing.image_sizes import CenterCrop as CenterCrop
from layergraph.layers.preprocessing.image_sizes import RandomCrop as RandomCrop
from layergraph.layers.preprocessing.image_sizes import Resizing as Resizing
from layergraph.layers.preprocessing.lookup import IntegerLookup as IntegerLookup
from layergraph.layers.preprocessing.lookup import StringLookup as StringLookup
from layergraph.layers.preprocessing.numeric import Normalization as Normalization
from layergraph.layers.preprocessing.numeric import Rescaling as Rescaling
from layergraph.layers.preprocessing.text import TextVectorization as TextVectorization
from layergraph.layers.recurrent import GRU as GRU
from layergraph.layers.recurrent import LSTM as LSTM
from layergraph.layers.recurrent import SimpleRNN as SimpleRNN
from layergraph.layers.regularization import ActivityRegularization as ActivityRegularization
from layergraph.layers.regularization import AlphaDropout as AlphaDropout
from layergraph.layers.regularization import Dropout as Dropout
from layergraph.layers.regularization import GaussianDropout as GaussianDropout
from layergraph.layers.regularization import GaussianNoise as GaussianNoise
from layergraph.layers.regularization import SpatialDropout1D as SpatialDropout1D
from layergraph.layers.regularization import SpatialDropout2D as SpatialDropout2D
from layergraph.layers.regularization import SpatialDropout3D as SpatialDropout3D
from layergraph.layers.reshaping import Cropping1D as Cropping1D
from layergraph.layers.reshaping import Cropping2D as Cropping2D
from layergraph.layers.reshaping import Cropping3D as Cropping3D
from layergraph.layers.reshaping import Flatten as Flatten
from layergraph.layers.reshaping import Permute as Permute
from layergraph.layers.reshaping import RepeatVector as RepeatVector
from layergraph.layers.reshaping import Reshape as Reshape
from layergraph.layers.reshaping import UpSampling1D as UpSampling1D
from layergraph.layers.reshaping import UpSampling2D as UpSampling2D
from layergraph.layers.reshaping import UpSampling3D as UpSampling3D
from layergraph.layers.reshaping import ZeroPadding1D as ZeroPadding1D
from layergraph.layers.reshaping import ZeroPadding2D as ZeroPadding2D
from layergraph.layers.reshaping import ZeroPadding3D as ZeroPadding3D
from layergraph.layers.rnn import RNN as RNN
from layergraph.layers.serialization import deserialize as deserialize
from layergraph.layers.serialization import serialize as serialize
from layergraph.layers.spectral import SpectralNormalization as SpectralNormalization
from layergraph.layers.stacked import StackedRNNCells as StackedRNNCells
from layergraph.layers.time_distributed import TimeDistributed as TimeDistributed
from layergraph.layers.transposed import Conv1DTranspose as Conv1DTranspose
from layergraph.layers.transposed import Conv2DTranspose as Conv2DTranspose
from layergraph.layers.transposed import Conv3DTranspose as Conv3DTranspose
from layergraph.layers.transposed import Convolution1DTranspose as Convolution1DTranspose
from layergraph.layers.transposed import Convolution2DTranspose as Convolution2DTranspose
from layergraph.layers.transposed import Convolution3DTranspose as Convolution3DTranspose
from layergraph.layers.wrapper import Wrapper as Wrapper
from layergraph.layers.wrapping import TorchModuleWrapper as TorchModuleWrapper
from layergraph.layers.wrapping import wrap as wrap

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "AugMix",
    "AutoContrast",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "CutMix",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Equalization",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "GroupQueryAttention",
    "HashedCrossing",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxNumBoundingBoxes",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "MelSpectrogram",
    "Minimum",
    "MixUp",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "Pipeline",
    "RMSNormalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "ReversibleEmbedding",
    "STFTSpectrogram",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "StringLookup",
    "Subtract",
    "TextVectorization",
    "TimeDistributed",
    "TorchModuleWrapper",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
    "wrap",
]

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
